# bash completion for python3.11-async and python-async
#
# Needs nothing of the package bash-completion but, to be loaded when it is first asked for, the folder
# that this lies in.

# Modules by their full names, beginning with $2; nothing is imported to find them.
_python_async_modules()
{
    "$1" -Pc '
import sys
from importlib.machinery import PathFinder
from pkgutil import iter_modules
parent, dot, _ = sys.argv[1].rpartition(".")
path = ["", *sys.path]
for name in parent.split(".") if parent else ():
    spec = PathFinder.find_spec(name, path)
    path = list(spec and spec.submodule_search_locations or ())
for module in iter_modules(path):
    print(parent + dot + module.name)
if not parent:
    print(*sys.builtin_module_names, sep="\n")
' "$2" 2>/dev/null
}

# The word at the cursor, $2, where the option before it, $1, wants something of its own.
_python_async_argument()
{
    case $1 in
        -*[cm])
            [[ $1 =~ $_python_async_ends ]] || return 1
            [[ $1 == *c ]] ||
                COMPREPLY=($(compgen -W "$(_python_async_modules "$program" "$2")" -- "$2")) ;;
        -X)
            COMPREPLY=($(compgen -W 'autoawait autoawait= dev dump= faulthandler frozen_modules= importtime
                int_max_str_digits= no_debug_ranges pycache_prefix= showrefcount tracemalloc tracemalloc=
                utf8 utf8=0 warn_default_encoding' -- "$2")) ;;
        autoawait)
            COMPREPLY=($(compgen -W 'asyncio trio curio' -- "$2")) ;;
        frozen_modules)
            COMPREPLY=($(compgen -W 'on off' -- "$2")) ;;
        pycache_prefix)
            COMPREPLY=($(compgen -d -- "$2")) ;;
        -W)
            COMPREPLY=($(compgen -W 'default error always module once ignore' -- "$2")) ;;
        --check-hash-based-pycs)
            COMPREPLY=($(compgen -W 'always default never' -- "$2")) ;;
        *)
            return 1 ;;
    esac
}

# An option, or several in one word, whose argument is the program.
_python_async_ends='^-[bBdEhiIOPqsSuvVx]*[cm]$'

# Sets has_program where a script, a command or a module was named before the cursor: what comes after it is its own.
_python_async_find_program()
{
    local at word
    has_program=
    for ((at = 1; at < COMP_CWORD; at++)); do
        word=${COMP_WORDS[at]}
        if [[ $word =~ $_python_async_ends ]]; then
            ((at + 1 < COMP_CWORD)) && has_program=yes
        elif [[ $word == -X ]]; then
            ((at++))
            [[ ${COMP_WORDS[at + 1]} == = ]] && ((at += 2))
        elif [[ $word == -W || $word == --check-hash-based-pycs ]]; then
            ((at++))
        elif [[ $word != -?* ]]; then
            has_program=yes
        fi
    done
}

_python_async()
{
    local program=$1 word=$2 before=$3 has_program
    COMPREPLY=()
    _python_async_find_program
    if [[ -z $has_program ]]; then
        # The shell takes `name=value` for three words.
        if [[ $word == = ]]; then
            word=
        elif [[ $before == = ]]; then
            before=${COMP_WORDS[COMP_CWORD - 2]}
        fi
        if _python_async_argument "$before" "$word"; then
            [[ ${COMPREPLY[*]} == *= ]] && compopt -o nospace 2>/dev/null
            return
        fi
        if [[ $word == -* ]]; then
            COMPREPLY=($(compgen -W '-b -B -c -d -E -h -i -I -m -O -OO -P -q -s -S -u -v -V -W -x -X
                --check-hash-based-pycs --help --help-all --help-env --help-xoptions --version' -- "$word"))
            return
        fi
        compopt -o filenames 2>/dev/null
        COMPREPLY=($(compgen -d -- "$word") $(compgen -f -X '!*.py*' -- "$word"))
        return
    fi
    compopt -o filenames 2>/dev/null
    COMPREPLY=($(compgen -f -- "$word"))
}

complete -F _python_async python3.11-async python-async
