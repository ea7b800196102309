# Completion of issuer for bash, by: source <(issuer completion bash)
_issuer() {
  local text help
  COMPREPLY=()
  while IFS=$'\t' read -r text help; do
    if [ "$text" = ":files" ]; then
      compopt -o default 2>/dev/null # readline completes names of files
      return
    fi
    COMPREPLY+=("$text")
  done < <("${COMP_WORDS[0]}" complete -- "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}
complete -F _issuer issuer
