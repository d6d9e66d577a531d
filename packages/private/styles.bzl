"""The package rules, one for each build system."""

load(":package.bzl", "build_package", "package_rule")

_MAKE_ATTRS = {
    "targets": attr.string_list(doc = "make targets to build; none is make's default."),
    "install": attr.string_list(doc = "make targets to install; none is install."),
    "variables": attr.string_dict(doc = "make variables."),
}

def _make_fields(ctx):
    return {"targets": ctx.attr.targets, "install": ctx.attr.install, "variables": ctx.attr.variables}

def _autotools_impl(ctx):
    return build_package(ctx, "autotools", _make_fields(ctx) | {
        "configure": ctx.attr.configure,
        "autoreconf": ctx.attr.autoreconf,
        "out_of_tree": ctx.attr.out_of_tree,
        "no_sysroot": ctx.attr.against_sdk,
    })

autotools_package = package_rule(
    _autotools_impl,
    doc = "./configure && make && make install.",
    attrs = dict(_MAKE_ATTRS, **{
        "configure": attr.string_list(doc = "More arguments of configure."),
        "autoreconf": attr.bool(doc = "Make configure first: the source comes without."),
        "out_of_tree": attr.bool(doc = "Build in a folder beside the source."),
        "against_sdk": attr.bool(doc = "Compile without a sysroot: for the C library itself."),
    }),
)

def _make_impl(ctx):
    return build_package(ctx, "make", _make_fields(ctx))

make_package = package_rule(
    _make_impl,
    doc = "make && make install.",
    attrs = _MAKE_ATTRS,
)

def _meson_impl(ctx):
    return build_package(ctx, "meson", {"options": ctx.attr.options, "targets": ctx.attr.targets})

meson_package = package_rule(
    _meson_impl,
    doc = "meson setup && ninja && meson install.",
    attrs = {
        "options": attr.string_dict(doc = "meson options, without the -D."),
        "targets": attr.string_list(doc = "ninja targets; none is ninja's default."),
    },
)

def _custom_impl(ctx):
    return build_package(ctx, "custom", {"build": ctx.file.build.path}, [ctx.file.build])

custom_package = package_rule(
    _custom_impl,
    doc = "A script of the recipe's own: the only escape hatch.",
    attrs = {"build": attr.label(mandatory = True, allow_single_file = [".sh"], doc = "Script that installs into $DESTDIR.")},
)

def _files_impl(ctx):
    return build_package(ctx, "files")

files_package = package_rule(
    _files_impl,
    doc = "Files and links that are installed as they are.",
    attrs = {},
)
