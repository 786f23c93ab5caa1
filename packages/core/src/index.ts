export * from "./bytes.js";
export * from "./digest.js";
export * from "./dsse.js";
export * from "./errors.js";
export * from "./ids.js";
export * from "./json.js";
export { renderMarkdown } from "./markdown.js";
export { escapeText, html, Markup, trusted } from "./markup.js";
export * from "./ports.js";
