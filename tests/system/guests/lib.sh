# Shared by ./run, ./test and the guest makers: messages, host packages, and a private apt that fetches riscv64 packages.
# Sourced by bash with `set -euo pipefail`; defines functions and ROOT only.

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../../.." && pwd)
GUESTS=$ROOT/build/guest
PATH=$PATH:/usr/sbin:/sbin    # mke2fs and depmod live there; a user's PATH often lacks them

# What the emulator and its firmware are built with, what guests are made with, and what the tests need besides.
BUILD_PACKAGES=(gcc libc6-dev make cmake ninja-build pkg-config libelf-dev libfdt-dev zlib1g-dev libslirp-dev libglib2.0-dev libcapstone-dev
                gcc-riscv64-linux-gnu binutils-riscv64-linux-gnu libc6-dev-riscv64-cross)
GUEST_PACKAGES=(debian-archive-keyring gpgv e2fsprogs kmod cpio xz-utils fakeroot)
TEST_PACKAGES=(git dash clang clang-format libclang-rt-dev llvm libcriterion-dev libmpfr-dev libgmp-dev
               qemu-user qemu-system-misc gdb-multiarch device-tree-compiler expect python3)

say() { printf '%s: %s\n' "${0##*/}" "$*" >&2; }
die() { say "$*"; exit 1; }

package_installed() { [ "$(dpkg-query -W -f '${db:Status-Abbrev}' "$1" 2>/dev/null)" = 'ii ' ]; }

# need_packages PACKAGE...: installs those that are missing; asks apt nothing when all are there.
need_packages() {
    local p missing=()
    command -v dpkg-query >/dev/null || die "this is not Debian: install what these Debian packages hold, then build by hand: $*"
    for p; do package_installed "$p" || missing+=("$p"); done
    [ ${#missing[@]} -gt 0 ] || return 0
    host_is_debian || die "packages are missing; only Debian 12 and 13 are installed to automatically. Install: ${missing[*]}"
    local as_root=()
    if [ "$(id -u)" -ne 0 ]; then
        command -v sudo >/dev/null || die "packages are missing and there is no sudo; as root run: apt-get install ${missing[*]}"
        as_root=(sudo)
    fi
    say "installing packages: ${missing[*]}"
    "${as_root[@]}" apt-get -qq update || say "apt-get update failed; trying with the package lists that are there"
    mkdir -p "$ROOT/build"
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends "${missing[@]}" \
        >"$ROOT/build/packages.log" 2>&1 || { tail -20 "$ROOT/build/packages.log" >&2; die "apt-get could not install: ${missing[*]}"; }
}

host_is_debian() {
    local ID='' VERSION_ID=''
    # shellcheck disable=SC1091
    [ -r /etc/os-release ] && . /etc/os-release
    [ "$ID" = debian ] && { [ "$VERSION_ID" = 12 ] || [ "$VERSION_ID" = 13 ]; }
}

# debian_mirror: the address this host itself gets Debian from; nothing is written down in this repository.
debian_mirror() {
    local mirror VERSION_CODENAME=''
    if [ -n "${ORRERY_DEBIAN_MIRROR:-}" ]; then echo "$ORRERY_DEBIAN_MIRROR"; return; fi
    # shellcheck disable=SC1091
    [ -r /etc/os-release ] && . /etc/os-release
    mirror=$(apt-get -o APT::Get::IndexTargets::Filtered=false -o APT::Get::IndexTargets::ReleaseInfo=false indextargets \
        --format '$(CREATED_BY) $(RELEASE) $(COMPONENT) $(REPO_URI)' |
        awk -v suite="$VERSION_CODENAME" '$1 == "Packages" && $3 == "main" && ($2 == suite || $2 == "stable") { print $4; exit }')
    [ -n "$mirror" ] ||
        die "apt on this host names no Debian archive with component main; set ORRERY_DEBIAN_MIRROR to one's address"
    echo "$mirror"
}

# Keeps the host's way of reaching an archive (proxies, authentication) and nothing else of its apt configuration.
private_apt_configure() {
    local dir=$1 suite=$2 keyring=/usr/share/keyrings/debian-archive-keyring.gpg mirror
    [ -r $keyring ] || die "$keyring: not there; install debian-archive-keyring"
    mirror=$(debian_mirror)
    mkdir -p "$dir"/lists/partial "$dir"/cache/archives/partial
    : >"$dir/status"
    echo "deb [arch=riscv64 signed-by=$keyring] $mirror $suite main" >"$dir/sources.list"
    apt-config dump | grep '^Acquire::' >"$dir/apt.conf"
    cat >>"$dir/apt.conf" <<END
Dir::State "$dir";
Dir::State::status "$dir/status";
Dir::Cache "$dir/cache";
Dir::Etc::sourcelist "$dir/sources.list";
Dir::Etc::sourceparts "/dev/null";
Dir::Etc::parts "/dev/null";
Dir::Etc::main "/dev/null";
Dir::Etc::preferences "/dev/null";
Dir::Etc::preferencesparts "/dev/null";
APT::Architecture "riscv64";
APT::Architectures { "riscv64"; };
APT::Sandbox::User "root";
APT::Get::AllowUnauthenticated "false";
Acquire::AllowInsecureRepositories "false";
Acquire::Languages { "none"; };
Acquire::Retries "3";
END
}

# fetch_packages LIST PACKAGE...: downloads riscv64 packages of trixie into $GUESTS/debs and writes their file names to
# $GUESTS/debs/LIST. A list whose files are all there is taken as it is, so that a second run needs no network; deleting
# the list asks for the archive's present versions. A metapackage `linux-image-riscv64` stands for the kernel it names.
fetch_packages() {
    local list=$GUESTS/debs/$1 apt=$GUESTS/apt temp p real packages=()
    shift
    if [ -s "$list" ] && (cd "$GUESTS/debs" && xargs -d '\n' ls >/dev/null 2>&1 <"$list"); then return 0; fi
    private_apt_configure "$apt" trixie
    say "reading the package lists of Debian trixie, riscv64"
    APT_CONFIG=$apt/apt.conf apt-get -qq -o APT::Update::Error-Mode=any update ||
        die "could not read Debian's package lists for riscv64 (no network? see the lines above)"
    for p; do
        real=$p
        if [ "$p" = linux-image-riscv64 ]; then
            real=$(APT_CONFIG=$apt/apt.conf apt-cache depends --no-recommends --no-suggests "$p" |
                awk '$1 == "Depends:" && $2 ~ /^linux-image-/ { print $2; exit }')
            [ -n "$real" ] || die "$p: the archive does not say which kernel it stands for"
        fi
        packages+=("$real")
    done
    mkdir -p "$GUESTS/debs"
    temp=$(mktemp -d "$GUESTS/debs/partial.XXXXXX")
    say "downloading for riscv64: ${packages[*]}"
    (cd "$temp" && APT_CONFIG=$apt/apt.conf apt-get -qq download "${packages[@]}" >&2) ||
        { rm -rf "$temp"; die "could not download: ${packages[*]}"; }
    (cd "$temp" && ls -- *.deb) >"$temp/list"
    mv "$temp"/*.deb "$GUESTS/debs/"
    mv "$temp/list" "$list"
    rm -rf "$temp"
}

# deb_file LIST PREFIX: path of the one downloaded package in LIST whose file name begins with PREFIX.
deb_file() {
    local name
    name=$(grep -m1 "^$2" "$GUESTS/debs/$1") || die "$2: not among the downloaded packages in $GUESTS/debs/$1"
    echo "$GUESTS/debs/$name"
}

# list_applets BUSYBOX: the applets' names, from the table inside (the host cannot run a riscv64 program to ask it).
list_applets() {
    tr '\0' '\n' <"$1" | LC_ALL=C awk '
        $0 == "[[" && !found { inside = 1; n = 0 }
        inside && $0 == "" { inside = 0; found = n > 100 }
        inside && $0 != "busybox" { names[n++] = $0 }
        END { for (i = 0; found && i < n; i++) print names[i] }'
}

# decompress_module FILE FOLDER: puts a kernel module there, decompressed.
decompress_module() {
    local file=$1 to=$2 base
    base=$(basename "$1")
    case $file in
    *.xz) xz -dc "$file" >"$to/${base%.xz}" ;;
    *.gz) gzip -dc "$file" >"$to/${base%.gz}" ;;
    *.ko) cp "$file" "$to/$base" ;;
    *) die "$file: a compression that is not known here" ;;
    esac
}
