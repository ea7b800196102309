#compdef issuer
# Completion of issuer for zsh, by: source <(issuer completion zsh), behind compinit; or as the file _issuer on the fpath.
_issuer() {
  local text help
  local -a candidates
  while IFS=$'\t' read -r text help; do
    if [[ $text == :files ]]; then
      _files
      return
    fi
    candidates+=("${text//:/\\:}${help:+:$help}")
  done < <("${words[1]}" complete -- "${(@)words[2,$CURRENT]}" 2>/dev/null)
  _describe issuer candidates
}
if [[ ${funcstack[1]} == _issuer ]]; then
  _issuer "$@"
else
  compdef _issuer issuer
fi
