/** Shell completion: a short script per shell that asks the program itself what fits. */
import type { CliContext } from "../context.js";
import type { Shell } from "../routes/completion.js";

const scripts: Readonly<Record<Shell, string>> = {
  bash: `# bash completion of sealflow
_sealflow() {
  local current="\${COMP_WORDS[COMP_CWORD]}" IFS=$'\\n'
  COMPREPLY=($(sealflow __complete -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null))
  if [ \${#COMPREPLY[@]} -eq 0 ]; then COMPREPLY=($(compgen -f -- "$current")); fi
}
complete -o filenames -F _sealflow sealflow
`,
  zsh: `#compdef sealflow
# zsh completion of sealflow
_sealflow() {
  local -a proposals
  proposals=("\${(@f)$(sealflow __complete -- "\${(@)words[2,CURRENT]}" 2>/dev/null)}")
  proposals=(\${proposals:#})
  if (( \${#proposals} )); then compadd -- "\${proposals[@]}"; else _files; fi
}
if [ "\${funcstack[1]}" = "_sealflow" ]; then _sealflow "$@"; else compdef _sealflow sealflow; fi
`,
  fish: `# fish completion of sealflow
function __sealflow_complete
    set -l words (commandline -opc) (commandline -ct)
    sealflow __complete -- $words[2..-1] 2>/dev/null
end
complete -c sealflow -a '(__sealflow_complete)'
`,
};

/** `sealflow completion SHELL`. */
export async function printCompletionScript(
  context: CliContext,
  _flags: object,
  shell: Shell,
): Promise<void> {
  context.process.stdout.write(scripts[shell]);
}
