/**
 * What is run on a node, for any POSIX shell. Each script leaves the file whole, the old one or the new one, wherever it is
 * cut. LOOK, RELOAD, RESTORE and DROP may be run again.
 */

/** $1 file, $2 program, $3 run directory: the file's digest, or "none", and what the node says of itself. */
export const LOOK = `
command -v "$2" >/dev/null || { echo "there is no program $2" >&2; exit 3; }
if test -e "$1"; then sha256sum < "$1" | cut -d ' ' -f 1; else echo none; fi
"$2" status --json --run-dir "$3" 2>/dev/null
test $? != 3 || { echo "the account may not ask Evergate; name another with --user" >&2; exit 5; }
`;

/** $1 file, $2 where the new one waits, $3 its digest, $4 program. Standard input: the new file. Says what check says. */
export const STAGE = `
set -e
umask 027
if test -e "$1"; then cp -p "$1" "$2"; fi
cat > "$2"
test "$(sha256sum < "$2" | cut -d ' ' -f 1)" = "$3" || { echo "the file did not arrive whole" >&2; exit 4; }
"$4" check --json --config "$2" || test $? = 1
`;

/** $1 file, $2 the new one that waits, $3 where the old one is kept. */
export const SWITCH = `
set -e
if test -e "$1"; then cp -p "$1" "$3.new" && mv "$3.new" "$3"; else rm -f "$3"; fi
mv "$2" "$1"
sync "$1" 2>/dev/null || true
`;

/** $1 program, $2 run directory. */
export const RELOAD = `exec "$1" reload --run-dir "$2"`;

/** $1 file, $2 digest of the new one, $3 where the old one is kept, $4 digest of the old one or "none". */
export const RESTORE = `
set -e
now=none
if test -e "$1"; then now=$(sha256sum < "$1" | cut -d ' ' -f 1); fi
test "$now" = "$2" || { test "$now" = "$4" && exit 0; echo "$1 is neither the old nor the new file" >&2; exit 4; }
if test "$4" = none; then rm "$1"; exit 0; fi
test "$(sha256sum < "$3" | cut -d ' ' -f 1)" = "$4" || { echo "$3 is not the old file" >&2; exit 4; }
cp -p "$3" "$3.new" && mv "$3.new" "$1"
`;

/** $1 the new file that waits. */
export const DROP = `rm -f "$1"`;
