#!/bin/sh
# What the hub may do on this host, and nothing else. Installed as /usr/local/sbin/quittance-host, owned by root, mode 0755.
#
#   quittance-host read "list" | "read NAME" | "probe NAME"
#   quittance-host do   "revoke account|session|ssh_key|membership NAME" | "restore …", and all of the above
#
# The second argument is what the hub sent: it is split into words and compared, never evaluated.
# Answers are lines of key=value; nothing that is secret is in them. Exit codes are those of sysexits.h.
set -uf
export LC_ALL=C PATH=/usr/sbin:/usr/bin:/sbin:/bin
umask 077

fail() {
  echo "$2" >&2
  exit "$1"
}
USAGE=64 BAD_NAME=65 NO_USER=67 NO_PROGRAM=69 TRY_AGAIN=75 NOT_ALLOWED=77

role=${1:-}
# Splitting is meant; set -f keeps file names out.
# shellcheck disable=SC2086
set -- ${2:-}
verb=${1:-}
case $role in
read | do) ;;
*) fail $USAGE 'usage: quittance-host read|do COMMAND' ;;
esac
case $verb in
list | read | probe) ;;
revoke | restore) [ "$role" = do ] || fail $NOT_ALLOWED 'this key may only read' ;;
*) fail $USAGE 'no such command' ;;
esac

setting() {
  value=$(sed -n "s/^$1[[:space:]]\{1,\}\([0-9]\{1,\}\).*/\1/p" /etc/login.defs 2>/dev/null | head -n 1)
  echo "${value:-$2}"
}
UID_MIN=$(setting UID_MIN 1000)
UID_MAX=$(setting UID_MAX 60000)
CALLER=${SUDO_USER:-}

# Sets name, uid, gid, home. People only: not root, not services, not the hub itself.
find_user() {
  name=$1
  case $name in
  '' | [!a-z_]* | *[!a-z0-9_.-]*) fail $BAD_NAME 'not a user name' ;;
  esac
  [ ${#name} -le 32 ] || fail $BAD_NAME 'not a user name'
  entry=$(getent passwd "$name") || fail $NO_USER 'no such user'
  [ "${entry%%:*}" = "$name" ] || fail $NO_USER 'no such user'
  uid=$(echo "$entry" | cut -d: -f3)
  gid=$(echo "$entry" | cut -d: -f4)
  home=$(echo "$entry" | cut -d: -f6)
}

must_be_a_person() {
  if [ "$uid" -lt "$UID_MIN" ] || [ "$uid" -gt "$UID_MAX" ] || [ "$name" = "$CALLER" ]; then
    fail $NOT_ALLOWED 'not the account of a person'
  fi
  # Processes are known by uid: with two names for one uid, the wrong ones would be killed.
  [ "$(getent passwd "$uid" | cut -d: -f1)" = "$name" ] || fail $NOT_ALLOWED 'another user has the same uid'
}

# In the home of a person every link may point anywhere: only their own rights touch it.
as_person() {
  setpriv --reuid="$uid" --regid="$gid" --clear-groups --reset-env -- "$@"
}

processes() {
  # Counts also a process that is about to die; the caller looks again.
  pgrep -c -u "$uid" || true
}

keys() {
  for file in authorized_keys authorized_keys2; do
    as_person cat "$home/.ssh/$file" 2>/dev/null
  done | grep -cv '^[[:space:]]*\(#\|$\)' || true
}

groups_of() {
  getent group | awk -F: -v name="$name" '
    { n = split($4, members, ","); for (i = 1; i <= n; i++) if (members[i] == name) print $1 }' | paste -sd, -
}

may_sudo() {
  command -v sudo >/dev/null || { echo no && return; }
  case $(sudo -n -l -U "$name" 2>&1) in
  *'may run the following'*) echo yes ;;
  *'is not allowed'*) echo no ;;
  *) echo unknown ;;
  esac
}

is() { if "$@" >/dev/null 2>&1; then echo yes; else echo no; fi; }

show() {
  shadow=$(getent shadow "$name") || fail $NOT_ALLOWED 'the shadow file cannot be read: not root'
  # Never the hash: only what it begins with.
  case $(echo "$shadow" | cut -d: -f2) in
  '!'* | '*'*) locked=yes ;;
  *) locked=no ;;
  esac
  expires=$(echo "$shadow" | cut -d: -f8)
  expired=no
  if [ -n "$expires" ] && [ "$expires" -le $(($(date +%s) / 86400)) ]; then expired=yes; fi
  echo "name=$name"
  echo "uid=$uid"
  echo "locked=$locked"
  echo "expires=$expires"
  echo "expired=$expired"
  echo "processes=$(processes)"
  echo "keys=$(keys)"
  echo "groups=$(groups_of)"
  echo "sudo=$(may_sudo)"
  echo "sudoers_file=$(is test -f "/etc/sudoers.d/$name")"
  echo "crontab=$(is test -f "/var/spool/cron/crontabs/$name")"
  echo "linger=$(is test -f "/var/lib/systemd/linger/$name")"
}

revoke() {
  case $1 in
  account)
    # Both: -L leaves keys alone, -e 1 stops every way in that asks PAM or the shadow file.
    usermod -L -e 1 -- "$name"
    ;;
  session)
    rm -f "/var/lib/systemd/linger/$name"
    for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
      pkill -KILL -u "$uid" || break
      sleep 0.1
    done
    ;;
  ssh_key)
    for file in authorized_keys authorized_keys2; do
      as_person test -e "$home/.ssh/$file" || continue
      as_person mv -- "$home/.ssh/$file" "$home/.ssh/$file.quittance" || fail $NOT_ALLOWED 'the key file is not the person’s own'
    done
    ;;
  membership)
    for group in $(groups_of | tr , ' '); do gpasswd -d "$name" "$group" >/dev/null || exit $TRY_AGAIN; done
    # sudo leaves out files with a dot in their name.
    [ ! -f "/etc/sudoers.d/$name" ] || mv -- "/etc/sudoers.d/$name" "/etc/sudoers.d/$name.quittance"
    ;;
  *) fail $USAGE 'no such facet' ;;
  esac
}

# What comes behind the name is what was there before.
restore() {
  facet=$1
  before=${3:-}
  case $before in *[!a-zA-Z0-9_.,-]*) fail $BAD_NAME 'not a value' ;; esac
  case $facet in
  account)
    # BEFORE: "EXPIRES,LOCKED", e.g. "-,no".
    expires=${before%%,*}
    if [ "$expires" = - ]; then usermod -e '' -- "$name"; else usermod -e "$(date -u -d "@$((expires * 86400))" +%F)" -- "$name"; fi
    [ "${before#*,}" = yes ] || usermod -U -- "$name"
    ;;
  ssh_key)
    for file in authorized_keys authorized_keys2; do
      as_person test -e "$home/.ssh/$file.quittance" || continue
      as_person mv -n -- "$home/.ssh/$file.quittance" "$home/.ssh/$file"
    done
    ;;
  membership)
    for group in $(echo "$before" | tr , ' '); do [ "$group" = - ] || gpasswd -a "$name" "$group" >/dev/null || exit $TRY_AGAIN; done
    [ ! -f "/etc/sudoers.d/$name.quittance" ] || mv -n -- "/etc/sudoers.d/$name.quittance" "/etc/sudoers.d/$name"
    ;;
  *) fail $USAGE 'no such facet' ;;
  esac
}

for program in getent pgrep pkill setpriv usermod gpasswd awk; do
  command -v "$program" >/dev/null || fail $NO_PROGRAM "$program is missing"
done

case $verb in
list)
  getent passwd | while IFS=: read -r name _ uid gid _ home _; do
    if [ "$uid" -ge "$UID_MIN" ] && [ "$uid" -le "$UID_MAX" ]; then show && echo; fi
  done
  ;;
read)
  find_user "${2:-}"
  if (must_be_a_person) 2>/dev/null; then echo person=yes; else echo person=no; fi
  show
  ;;
probe)
  find_user "${2:-}"
  must_be_a_person
  # PAM decides, as for a login; what would run is true.
  if answer=$(su -s /bin/true "$name" 2>&1 </dev/null); then echo 'login=allowed'; else echo 'login=refused'; fi
  echo "answer=$(echo "$answer" | tr '\n' ' ')"
  ;;
revoke)
  find_user "${3:-}"
  must_be_a_person
  revoke "${2:-}" || fail $TRY_AGAIN 'the command failed'
  echo 'done=yes'
  ;;
restore)
  find_user "${3:-}"
  must_be_a_person
  restore "${2:-}" "$name" "${4:-}" || fail $TRY_AGAIN 'the command failed'
  echo 'done=yes'
  ;;
esac
