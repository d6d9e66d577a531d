#!/bin/sh
# root.sh [BAZEL ARGUMENT...]: runs Debian's Bazel from a private root.
#
# The root is a folder in the user's cache with the packages below, made once from
# Debian's unstable suite by apt-get and dpkg-deb; nothing is installed on the host.
# Each call enters it in a mount namespace of its own: /usr and /etc are the root's,
# while home, work and temporary folders, /dev, /proc and /sys are the host's. The
# process and network namespaces stay the host's, so that a later call finds the
# Bazel server of an earlier one.
#
# DEBIAN_MIRROR names the archive to use instead of the one in apt's configuration.
set -eu

packages="base-files bash bazel-bootstrap bzip2 ca-certificates coreutils curl dash
diffutils findutils gawk git golang-go grep gzip mount patch procps python3-minimal sed
tar unzip util-linux xz-utils zip zstd"
here=$(cd "$(dirname "$0")" && pwd -P)
cache=${HOME:?HOME is not set: it holds the cache folder}/.cache/slipway
PATH=$PATH:/usr/sbin:/sbin

say() { echo "bazelw: $*" >&2; }
die() { say "$*"; exit 1; }

# needs COMMAND PACKAGE...: makes sure that COMMAND is there; root installs PACKAGE.
needs() {
  command -v "$1" >/dev/null && return
  command=$1
  shift
  [ "$(id -u)" = 0 ] || die "$command is missing; install it: sudo apt-get install $*"
  command -v apt-get >/dev/null || die "$command is missing; install the package $*, bazelisk, or Bazel 7.7"
  say "installing $*"
  { apt-get -qq install -y "$@" || { apt-get -qq update && apt-get -qq install -y "$@"; }; } >&2
}

# make_root ROOT: fills the folder ROOT, which need not exist, or leaves nothing.
make_root() {
  needs apt-get apt
  needs dpkg-deb dpkg
  keyring=/usr/share/keyrings/debian-archive-keyring.gpg
  [ -e "$keyring" ] || needs "$keyring" debian-archive-keyring
  work=$1.new.$$
  trap 'rm -rf "$work"' EXIT
  trap 'exit 130' INT TERM HUP
  mkdir -p "$work/root" "$work/apt/lists/partial" "$work/apt/archives/partial" "$work/apt/parts"
  : >"$work/apt/status"
  echo "deb [arch=amd64 signed-by=$keyring] $DEBIAN_MIRROR unstable main" >"$work/apt/sources.list"
  cat >"$work/apt/apt.conf" <<CONF
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
Dir::State "$work/apt";
Dir::State::status "$work/apt/status";
Dir::Cache "$work/apt";
Dir::Etc::SourceList "$work/apt/sources.list";
Dir::Etc::SourceParts "$work/apt/parts";
Dir::Etc::Preferences "/dev/null";
Dir::Etc::PreferencesParts "$work/apt/parts";
APT::Architecture "amd64";
APT::Architectures { "amd64"; };
APT::Install-Recommends "false";
APT::Sandbox::User "";
Acquire::Check-Valid-Until "false";
Acquire::Languages "none";
CONF
  say "making Bazel's private root in $1 (once; about 300 MB to fetch, 2 GB on disk)"
  say "1/3 reading the package index of $DEBIAN_MIRROR"
  apt-get -c "$work/apt/apt.conf" -qq update >&2 ||
    die "could not read the suite unstable of $DEBIAN_MIRROR; set DEBIAN_MIRROR to another archive"
  say "2/3 fetching packages"
  # shellcheck disable=SC2086 # the list is meant to split
  apt-get -c "$work/apt/apt.conf" -q -y --download-only --no-install-recommends install $packages >"$work/log" 2>&1 ||
    { tail -n 20 "$work/log" >&2; die "could not fetch Bazel's packages from $DEBIAN_MIRROR"; }
  say "3/3 unpacking"
  find "$work/apt/archives" -name '*.deb' -print0 | sort -z |
    xargs -0 -P "$(nproc)" -I{} dpkg-deb --extract {} "$work/root"
  finish_root "$work/root"
  mv -T "$work/root" "$1"
  rm -rf "$work"
  trap - EXIT INT TERM HUP
}

# finish_root ROOT: makes what maintainer scripts would have made, as far as it is used here.
finish_root() {
  ln -sf gawk "$1/usr/bin/awk"
  mkdir -p "$1/usr/local/share/ca-certificates" "$1/etc/ssl/certs"
  cat >"$1/etc/bazel/bazelrc" <<CONF
startup --install_base=/usr/share/bazel --trust_install_base
startup --server_javabase=/usr/lib/jvm/default-java
CONF
  cat "$1"/usr/share/ca-certificates/mozilla/*.crt >"$1/etc/ssl/certs/ca-certificates.crt"
}

# enter USER:GROUP ROOT ARGUMENT...: runs bazel in ROOT, in the present (fresh) mount
# namespace, as the user that called bazelw.
enter() {
  user=$1 root=$2
  shift 2
  new=/boot # a folder that is there and that nobody works in
  mount -t tmpfs -o mode=755 slipway "$new"
  mkdir "$new/usr" "$new/etc" "$new/var" "$new/run" "$new/old"
  cp -a "$root/etc/." "$new/etc/"
  # Java takes the home folder from the user database, where HOME may differ.
  echo "startup --host_jvm_args='-Duser.home=$HOME'" >>"$new/etc/bazel/bazelrc"
  mount --rbind "$root/usr" "$new/usr"
  for link in bin sbin lib lib64; do
    cp -P "$root/$link" "$new/$link"
  done
  for folder in /* /var/tmp "$HOME" "$(pwd -P)"; do
    case $folder in
      /usr | /etc | /var | /run | /boot | /opt | /bin | /sbin | /lib* | /lost+found) continue ;;
    esac
    if [ -d "$folder" ] && [ ! -L "$folder" ] && [ ! -e "$new$folder" ]; then
      mkdir -p "$new$folder"
      mount --rbind "$folder" "$new$folder"
    fi
  done
  for file in passwd group hosts resolv.conf; do
    [ -e "/etc/$file" ] || continue
    : >>"$new/etc/$file"
    mount --bind "/etc/$file" "$new/etc/$file"
  done
  if [ -e /etc/ssl/certs/ca-certificates.crt ]; then
    for folder in /etc/ssl/certs /usr/share/ca-certificates /usr/local/share/ca-certificates; do
      [ ! -d "$folder" ] || mount --rbind "$folder" "$new$folder"
    done
  fi
  work=$(pwd -P)
  cd "$new"
  pivot_root . old
  umount -l /old
  rmdir /old
  cd "$work"
  if [ "$user" != 0:0 ]; then
    exec unshare --user --map-user="${user%:*}" --map-group="${user#*:}" bazel "$@"
  fi
  exec bazel "$@"
}

# namespace: prints the unshare command that gives this user a mount namespace.
namespace() {
  needs unshare util-linux
  needs mount mount
  for how in "unshare --mount --propagation slave" "unshare --user --map-root-user --mount --propagation slave"; do
    if $how true 2>/dev/null; then
      echo "$how"
      return
    fi
  done
  die "this machine allows no mount namespace: run as root, or allow user namespaces
(sysctl kernel.unprivileged_userns_clone=1 or kernel.apparmor_restrict_unprivileged_userns=0),
or put bazelisk or Bazel 7.7 on PATH"
}

# clean_environment: drops what could carry the host into a build.
clean_environment() {
  for name in $(env -0 | cut -z -d= -f1 | tr '\0' '\n' | grep -xE '[A-Za-z_][A-Za-z0-9_]*'); do
    case $name in
      HOME | USER | LOGNAME | TERM | COLUMNS | LINES | TMPDIR | CI | NETRC) ;;
      *_proxy | *_PROXY | GO*PROXY | GOPRIVATE | GOINSECURE | GOAUTH) ;;
      DEBIAN_MIRROR | SLIPWAY_* | SSH_AUTH_SOCK) ;;
      *) unset "$name" ;;
    esac
  done
  export PATH=/usr/bin:/usr/sbin LANG=C.UTF-8
  export GOCACHE="$cache/gocache" GOMODCACHE="$cache/gomod"
}

if [ "${1-}" = --enter ]; then
  shift
  enter "$@"
fi

key=$(printf '%s\n' "$packages" finish-2 | sha256sum | cut -c1-12)
root=$cache/bazel-root-$key
DEBIAN_MIRROR=${DEBIAN_MIRROR:-$("$here/mirror.sh")}
[ -n "$DEBIAN_MIRROR" ] || die "apt's configuration names no Debian archive; set DEBIAN_MIRROR to one"
export DEBIAN_MIRROR
if [ ! -d "$root" ]; then
  mkdir -p "$cache"
  needs flock util-linux
  exec 9>"$cache/bazel-root.lock"
  flock -n 9 || { say "waiting for another bazelw, which makes Bazel's private root"; flock 9; }
  [ -d "$root" ] || make_root "$root"
  exec 9>&-
fi
how=$(namespace)
clean_environment
# shellcheck disable=SC2086 # a command with its options
exec $how sh "$0" --enter "$(id -u):$(id -g)" "$root" "$@"
