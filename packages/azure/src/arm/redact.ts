/** Taking secrets out of text before it is shown, logged or written down. */

/** Query parameters of operation addresses that are no secret; others (`t`, `c`, `s`, `h`, `sig`) sign the address. */
const openParameters = new Set(["api-version", "$filter", "$expand", "$top"]);

/** The address without user information and without parameters that sign it. */
export function openAddress(url: string): string {
  if (!URL.canParse(url)) return redact(url);
  const parsed = new URL(url);
  parsed.username = "";
  parsed.password = "";
  for (const name of [...parsed.searchParams.keys()]) {
    if (!openParameters.has(name.toLowerCase())) parsed.searchParams.delete(name);
  }
  return parsed.href;
}

const secrets: readonly (readonly [RegExp, string])[] = [
  [/\bBearer\s+[A-Za-z0-9._~+/=-]+/gi, "Bearer …"],
  [/\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]*)?/g, "(token)"],
  [/([?&](?:sig|signature|t|c|s|h|code|client_secret|access_token)=)[^&\s"']+/gi, "$1…"],
  [/("?(?:client_secret|password|access_?token|refresh_?token|secret)"?\s*[:=]\s*"?)[^\s"',}&]+/gi, "$1…"],
  [/-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?-----END [A-Z ]*PRIVATE KEY-----/g, "(private key)"],
];

/** The text with everything that looks like a token, signature, password or private key masked. */
export function redact(text: string): string {
  return secrets.reduce((masked, [pattern, replacement]) => masked.replace(pattern, replacement), text);
}
