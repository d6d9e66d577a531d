"""Package rules. See docs/packages.md for how to add a package."""

load("//packages/private:providers.bzl", _PackageInfo = "PackageInfo", _SourceInfo = "SourceInfo")
load(
    "//packages/private:styles.bzl",
    _autotools_package = "autotools_package",
    _custom_package = "custom_package",
    _files_package = "files_package",
    _go_package = "go_package",
    _make_package = "make_package",
    _meson_package = "meson_package",
)

PackageInfo = _PackageInfo
SourceInfo = _SourceInfo
autotools_package = _autotools_package
custom_package = _custom_package
files_package = _files_package
go_package = _go_package
make_package = _make_package
meson_package = _meson_package
