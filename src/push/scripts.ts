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

/** Of SWITCH: what is there is not what was looked at, and nothing has changed. */
export const CHANGED_MEANWHILE = 6;

/** Where $1 is a link, what it leads to is the file: whoever manages the link finds it as it was. */
const FOLLOW = `
file=$(readlink -f "$1")
now=none
if test -e "$file"; then now=$(sha256sum < "$file" | cut -d ' ' -f 1); fi
`;

/**
 * $1 file, $2 the new one that waits, $3 where the old one is kept, $4 digest of the old one or "none". Steps of their own: a
 * failure inside of an AND list ends no script (POSIX, set -e), and a full disk would leave no old file to go back to.
 */
export const SWITCH = `
set -e
${FOLLOW}
test "$now" = "$4" || { echo "$1 has been changed by somebody else meanwhile" >&2; exit ${CHANGED_MEANWHILE}; }
trap 'rm -f "$3.new" "$file.new"' EXIT
cp -p "$2" "$file.new"
sync "$file.new"
if test "$now" = none; then
  rm -f "$3"
else
  cp -p "$file" "$3.new"
  sync "$3.new"
  mv "$3.new" "$3"
fi
mv "$file.new" "$file"
rm "$2"
sync "$(dirname "$file")"
`;

/** $1 program, $2 run directory. */
export const RELOAD = `exec "$1" reload --run-dir "$2"`;

/** $1 file, $2 digest of the new one, $3 where the old one is kept, $4 digest of the old one or "none". */
export const RESTORE = `
set -e
${FOLLOW}
test "$now" = "$2" || { test "$now" = "$4" && exit 0; echo "$1 is neither the old nor the new file" >&2; exit 4; }
if test "$4" = none; then rm "$file"; exit 0; fi
test "$(sha256sum < "$3" | cut -d ' ' -f 1)" = "$4" || { echo "$3 is not the old file" >&2; exit 4; }
trap 'rm -f "$file.new"' EXIT
cp -p "$3" "$file.new"
sync "$file.new"
mv "$file.new" "$file"
sync "$(dirname "$file")"
`;

/** $1 the new file that waits. */
export const DROP = `rm -f "$1"`;
