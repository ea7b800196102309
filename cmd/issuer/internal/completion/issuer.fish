# Completion of issuer for fish, by: issuer completion fish | source
function __issuer_complete
    set -l words (commandline -opc)
    set -l found ($words[1] complete -- $words[2..-1] (commandline -ct) 2>/dev/null)
    if string match -q ":files*" -- "$found"
        __fish_complete_path (commandline -ct)
    else if test (count $found) -gt 0
        printf '%s\n' $found
    end
end
complete -c issuer -f -a '(__issuer_complete)'
