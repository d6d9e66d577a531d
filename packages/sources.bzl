"""The one table of source pins.

Machines edit it: `bazel run //packages:pin -- NAME` adds or renews an entry
from the archive's signed indexes. Paths are relative to the root of any
mirror of the archive; what a file is, its size (bytes) and SHA-256 say.
"""

load("//packages/private:pin.bzl", "file", "pin")

SOURCES = {
    "acl": pin(
        source = "acl",
        version = "2.3.2",
        debian = "2.3.2-2",
        files = [
            file("pool/main/a/acl/acl_2.3.2.orig.tar.xz", 371680, "97203a72cae99ab89a067fe2210c1cbf052bc492b479eca7d226d9830883b0bd"),
        ],
        debian_files = [
            file("pool/main/a/acl/acl_2.3.2-2.debian.tar.xz", 24296, "e27b6e194c0a7554595d76f96acdceb800631bdc46c36457b73bc7e4a0c5f2ee"),
        ],
    ),
    "attr": pin(
        source = "attr",
        version = "2.5.2",
        debian = "1:2.5.2-3",
        files = [
            file("pool/main/a/attr/attr_2.5.2.orig.tar.xz", 334180, "f2e97b0ab7ce293681ab701915766190d607a1dba7fae8a718138150b700a70b"),
        ],
        debian_files = [
            file("pool/main/a/attr/attr_2.5.2-3.debian.tar.xz", 32260, "153f98c87575277ea021e24dae36293b7738699174438a2060b47e8312b771e3"),
        ],
    ),
    "audit": pin(
        source = "audit",
        version = "4.0.2",
        debian = "1:4.0.2-2+deb13u1",
        files = [
            file("pool/main/a/audit/audit_4.0.2.orig.tar.gz", 1198769, "d5d1b5d50ee4a2d0d17875bc6ae6bd6a7d5b34d9557ea847a39faec531faaa0a"),
        ],
        debian_files = [
            file("pool/main/a/audit/audit_4.0.2-2+deb13u1.debian.tar.xz", 25008, "ab39cb2d6dc6b0440da37f085b643dffc86d8cc5370b5cc6502d36b53edaa862"),
        ],
    ),
    "ca-certificates": pin(
        source = "ca-certificates",
        version = "20250419",
        debian = "20250419",
        files = [
            file("pool/main/c/ca-certificates/ca-certificates_20250419.tar.xz", 277504, "33b44ef78653ecd3f0f2f13e5bba6be466be2e7da72182f737912b81798ba5d2"),
        ],
    ),
    "chrony": pin(
        source = "chrony",
        version = "4.6.1",
        debian = "4.6.1-3+deb13u2",
        files = [
            file("pool/main/c/chrony/chrony_4.6.1.orig.tar.gz", 636076, "571ff73fbf0ae3097f0604eca2e00b1d8bb2e91affe1a3494785ff21d6199c5c"),
        ],
        debian_files = [
            file("pool/main/c/chrony/chrony_4.6.1-3+deb13u2.debian.tar.xz", 44356, "a906229f205efdd69032485d8527843f0bd3018351b3f58b133dee56d0c47af9"),
        ],
    ),
    "dbus-broker": pin(
        source = "dbus-broker",
        version = "37",
        debian = "37-2",
        files = [
            file("pool/main/d/dbus-broker/dbus-broker_37.orig.tar.xz", 270172, "f819a8db8795fa08c767612e3823fd594694a0990f2543ecf35d6a1a6bf2ab5b"),
        ],
        debian_files = [
            file("pool/main/d/dbus-broker/dbus-broker_37-2.debian.tar.xz", 13508, "885d36ca77c6cfcdf8d5677ab92501d6a6c1efaa0108bf688d0537a71222841d"),
        ],
    ),
    "e2fsprogs": pin(
        source = "e2fsprogs",
        version = "1.47.2",
        debian = "1.47.2-3",
        files = [
            file("pool/main/e/e2fsprogs/e2fsprogs_1.47.2.orig.tar.gz", 9996725, "6dcd67ff9d8b13274ba3f088e4318be4f5b71412cd863524423fc49d39a6371f"),
        ],
        debian_files = [
            file("pool/main/e/e2fsprogs/e2fsprogs_1.47.2-3.debian.tar.xz", 103684, "5517aae5ce5196e49fa314492f0639ad7a1692c9521d703b6c81acff77a1564e"),
        ],
    ),
    "elfutils": pin(
        source = "elfutils",
        version = "0.192",
        debian = "0.192-4",
        files = [
            file("pool/main/e/elfutils/elfutils_0.192.orig.tar.bz2", 11913897, "616099beae24aba11f9b63d86ca6cc8d566d968b802391334c91df54eab416b4"),
        ],
        debian_files = [
            file("pool/main/e/elfutils/elfutils_0.192-4.debian.tar.xz", 44456, "a18efee3ae99ea25e10a0b8c4b731a28dee685361ae89ea8136e9065c86c8942"),
        ],
    ),
    "expat": pin(
        source = "expat",
        version = "2.8.3",
        debian = "2.8.3-1~deb13u1",
        files = [
            file("pool/main/e/expat/expat_2.8.3.orig.tar.gz", 8464226, "533659a16e0184035a99fd8e783f1ad61a887a7bf8586a8681740b9d7ed42389"),
        ],
        debian_files = [
            file("pool/main/e/expat/expat_2.8.3-1~deb13u1.debian.tar.xz", 14116, "4bf2c5c2f189673c66f79f2f8a8727cd8c08636d46b648c896e1c73673562c7b"),
        ],
    ),
    "glibc": pin(
        source = "glibc",
        version = "2.41",
        debian = "2.41-12+deb13u4",
        files = [
            file("pool/main/g/glibc/glibc_2.41.orig.tar.xz", 20323540, "f24aa441021121a79266f0d75242706cab8843a47901fefe74527491807f1998"),
        ],
        debian_files = [
            file("pool/main/g/glibc/glibc_2.41-12+deb13u4.debian.tar.xz", 499524, "dda4153511bfd543502d18e5bc9323110996fe9c531f14ae3fad6eb17f027c7d"),
        ],
    ),
    "iproute2": pin(
        source = "iproute2",
        version = "6.1.0",
        debian = "6.1.0-3",
        files = [
            file("pool/main/i/iproute2/iproute2_6.1.0.orig.tar.xz", 905512, "5ce12a0fec6b212725ef218735941b2dab76244db7e72646a76021b0537b43ab"),
        ],
        debian_files = [
            file("pool/main/i/iproute2/iproute2_6.1.0-3.debian.tar.xz", 36796, "7d15857b8688ed5bc0ead83a5a944ce052a1b89ad25c9354d60f33ef843a4720"),
        ],
    ),
    "kmod": pin(
        source = "kmod",
        version = "34.2",
        debian = "34.2-2",
        files = [
            file("pool/main/k/kmod/kmod_34.2.orig.tar.xz", 192520, "012d16e2099115486d8aa9f2c2a23d058d3d0cad83113a60512647d25d3869e8"),
        ],
        debian_files = [
            file("pool/main/k/kmod/kmod_34.2-2.debian.tar.xz", 12144, "93c9d227cf07a7c18a7292a79e51c94a6ea23e0ef4626ab2c31b5d711c73cefe"),
        ],
    ),
    "libbpf": pin(
        source = "libbpf",
        version = "1.5.0",
        debian = "1.5.0-3",
        files = [
            file("pool/main/libb/libbpf/libbpf_1.5.0.orig.tar.gz", 1036613, "53492aff6dd47e4da04ef5e672d753b9743848bdb38e9d90eafbe190b7983c44"),
        ],
        debian_files = [
            file("pool/main/libb/libbpf/libbpf_1.5.0-3.debian.tar.xz", 9064, "b526c99fc75f632540306a958576fe3923890cba95d4999efc458784802da460"),
        ],
    ),
    "libcap": pin(
        source = "libcap2",
        version = "2.75",
        debian = "1:2.75-10+deb13u1",
        files = [
            file("pool/main/libc/libcap2/libcap2_2.75.orig.tar.xz", 197868, "de4e7e064c9ba451d5234dd46e897d7c71c96a9ebf9a0c445bc04f4742d83632"),
        ],
        debian_files = [
            file("pool/main/libc/libcap2/libcap2_2.75-10+deb13u1.debian.tar.xz", 24628, "d375de2f743f112835fc0eef2a9c305c1109371954cf53e109b7f046fe58c1bc"),
        ],
    ),
    "libseccomp": pin(
        source = "libseccomp",
        version = "2.6.0",
        debian = "2.6.0-2",
        files = [
            file("pool/main/libs/libseccomp/libseccomp_2.6.0.orig.tar.gz", 685655, "83b6085232d1588c379dc9b9cae47bb37407cf262e6e74993c61ba72d2a784dc"),
        ],
        debian_files = [
            file("pool/main/libs/libseccomp/libseccomp_2.6.0-2.debian.tar.xz", 20800, "ed705ec85719403e77d004c99c0b06b795f090c66fcae265c4bcf37ffea9cc27"),
        ],
    ),
    "libselinux": pin(
        source = "libselinux",
        version = "3.8.1",
        debian = "3.8.1-1",
        files = [
            file("pool/main/libs/libselinux/libselinux_3.8.1.orig.tar.gz", 204411, "ec2d2789f931152d21c1db1eb4bc202ce4eccede34d9be9e360e3b45243cee2c"),
        ],
        debian_files = [
            file("pool/main/libs/libselinux/libselinux_3.8.1-1.debian.tar.xz", 37812, "1af25952374f083cf3d6d0edd5beb938f2e53c30eb404afa1e32fcd1cb127db7"),
        ],
    ),
    "libsepol": pin(
        source = "libsepol",
        version = "3.8.1",
        debian = "3.8.1-1",
        files = [
            file("pool/main/libs/libsepol/libsepol_3.8.1.orig.tar.gz", 513830, "0e78705305f955abd4c0654d37a5477ee26349ab74db9e2b03a7868897ae1ddf"),
        ],
        debian_files = [
            file("pool/main/libs/libsepol/libsepol_3.8.1-1.debian.tar.xz", 21432, "7aac515a941f8dd19581b16c664b3098962e6a8ed7fa0afdafd306a85c667619"),
        ],
    ),
    "libxcrypt": pin(
        source = "libxcrypt",
        version = "4.4.38",
        debian = "1:4.4.38-1",
        files = [
            file("pool/main/libx/libxcrypt/libxcrypt_4.4.38.orig.tar.xz", 394216, "6a275a356622c64ba9f693892215dbb399c003a7a4afeed9c4c74070eaab20f4"),
        ],
        debian_files = [
            file("pool/main/libx/libxcrypt/libxcrypt_4.4.38-1.debian.tar.xz", 8512, "6b87bcb5325e417ab3f4c01c364233444b4c9008a69ec1d6fababb3f6e693a5e"),
        ],
    ),
    "linux": pin(
        source = "linux",
        version = "6.12.107",
        debian = "6.12.107-1",
        files = [
            file("pool/main/l/linux/linux_6.12.107.orig.tar.xz", 151398592, "efc76d3c78a5d65f42724118c437d11db1c9f6309a5f024ee9a8b1978fdc6919"),
        ],
        debian_files = [
            file("pool/main/l/linux/linux_6.12.107-1.debian.tar.xz", 1886412, "d8c003ecac7c54f59c69dc61258f93d937dce90e70f53bb5a34dd58db13028ed"),
        ],
    ),
    "lz4": pin(
        source = "lz4",
        version = "1.10.0",
        debian = "1.10.0-4",
        files = [
            file("pool/main/l/lz4/lz4_1.10.0.orig.tar.gz", 387114, "537512904744b35e232912055ccf8ec66d768639ff3abe5788d90d792ec5f48b"),
        ],
        debian_files = [
            file("pool/main/l/lz4/lz4_1.10.0-4.debian.tar.xz", 8080, "8d276c3254182c2c9cf319b9a6504cf257c56b441f37d3db8ad97d33d46a0911"),
        ],
    ),
    "pcre2": pin(
        source = "pcre2",
        version = "10.46",
        debian = "10.46-1~deb13u3",
        files = [
            file("pool/updates/main/p/pcre2/pcre2_10.46.orig.tar.gz", 2718545, "8d28d7f2c3b970c3a4bf3776bcbb5adfc923183ce74bc8df1ebaad8c1985bd07"),
        ],
        debian_files = [
            file("pool/updates/main/p/pcre2/pcre2_10.46-1~deb13u3.diff.gz", 20405, "28734c85365f431a4494c2efe2cdb42ed432673f962e421826f3c3b7aa76c4cf"),
        ],
    ),
    "systemd": pin(
        source = "systemd",
        version = "257.13",
        debian = "257.13-1~deb13u1",
        files = [
            file("pool/main/s/systemd/systemd_257.13.orig.tar.gz", 16543653, "1eb7d5f9ff8a426ff880a3cded9ce819613ba8003ac5ddde9eca162f14ddabe7"),
        ],
        debian_files = [
            file("pool/main/s/systemd/systemd_257.13-1~deb13u1.debian.tar.xz", 183128, "9c6e435d613b996efcdb3b7dd9a4cebaa745333a3f64dc722f3fad646f1fdc1a"),
        ],
    ),
    "tzdata": pin(
        source = "tzdata",
        version = "2026c",
        debian = "2026c-0+deb13u1",
        files = [
            file("pool/main/t/tzdata/tzdata_2026c.orig.tar.gz", 475694, "e4a178a4477f3d0ea77cc31828ff72aa38feff8d61aa13e7e99e142e9d902be4"),
        ],
        debian_files = [
            file("pool/main/t/tzdata/tzdata_2026c-0+deb13u1.debian.tar.xz", 127148, "48cd3f42cee2b8ec62ca9c2f4c43cf6c0ec05e1a5ae97f4ed771635811b82f29"),
        ],
    ),
    "util-linux": pin(
        source = "util-linux",
        version = "2.41.5",
        debian = "2.41.5-0+deb13u1",
        files = [
            file("pool/main/u/util-linux/util-linux_2.41.5.orig.tar.xz", 9474992, "f586e35d320ff537aab3ffeca37e9ecd482ccbe013590db4429a414d8aa6a728"),
        ],
        debian_files = [
            file("pool/main/u/util-linux/util-linux_2.41.5-0+deb13u1.debian.tar.xz", 107604, "5b327ccd22f0f4ed28a389870aa51d04ecedb8693e52a1d122850f2b3188cbf6"),
        ],
    ),
    "xz": pin(
        source = "xz-utils",
        version = "5.8.1",
        debian = "5.8.1-1+deb13u2",
        files = [
            file("pool/updates/main/x/xz-utils/xz-utils_5.8.1.orig.tar.xz", 1461872, "0b54f79df85912504de0b14aec7971e3f964491af1812d83447005807513cd9e"),
        ],
        debian_files = [
            file("pool/updates/main/x/xz-utils/xz-utils_5.8.1-1+deb13u2.debian.tar.xz", 28044, "7dfcff43a8035561c4860a4893f7cf9de5e977e79a90aee4d101053e21912cb0"),
        ],
    ),
    "zlib": pin(
        source = "zlib",
        version = "1.3.1",
        debian = "1:1.3.dfsg+really1.3.1-1+deb13u1",
        files = [
            file("pool/updates/main/z/zlib/zlib_1.3.dfsg+really1.3.1.orig.tar.gz", 1325737, "60dd315c07f616887caa029408308a018ace66e3d142726a97db164b3b8f69fb"),
        ],
        debian_files = [
            file("pool/updates/main/z/zlib/zlib_1.3.dfsg+really1.3.1-1+deb13u1.debian.tar.xz", 17836, "4e99de80447700cf16ecf8ed3e77fabb39f085a5fffc66713466ccf07397cc04"),
        ],
    ),
    "zstd": pin(
        source = "libzstd",
        version = "1.5.7",
        debian = "1.5.7+dfsg-1",
        files = [
            file("pool/main/libz/libzstd/libzstd_1.5.7+dfsg.orig.tar.xz", 1834780, "0c092ef267edce57ba7f3f2645c861f72eaf5e76273c6c3632869423464b90a5"),
        ],
        debian_files = [
            file("pool/main/libz/libzstd/libzstd_1.5.7+dfsg-1.debian.tar.xz", 23036, "5e88424d919941291f79e1bfada6cb1a6f748671d9de7d4b7d931f361f183a15"),
        ],
    ),
}
