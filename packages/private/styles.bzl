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

# Go checks bounds and links static programs at a fixed address: the checks of C
# programs do not apply to those that are built without cgo.
_GO_EXCEPTIONS = ["pie", "relro", "stack-protector", "strip"]

def _go_impl(ctx):
    if bool(ctx.attr.programs) == bool(ctx.attr.binaries):
        fail("{}: give either binaries (of src's modules) or programs (of this tree)".format(ctx.label))
    paths = ctx.attr.programs.values() + ctx.attr.binaries.keys()
    exceptions = dict(ctx.attr.exceptions)
    for check in _GO_EXCEPTIONS if not ctx.attr.cgo else ["stack-protector", "strip"]:
        exceptions[check] = exceptions.get(check, []) + paths
    fields = {"exceptions": exceptions}
    if ctx.attr.programs:
        files = {p: t for t, p in ctx.attr.programs.items()} | {p: t for t, p in ctx.attr.files.items()}
        fields["files"] = {p: t.files.to_list()[0].path for p, t in files.items()}
        return build_package(ctx, "files", fields, ctx.files.programs)
    go = [f for f in ctx.files._go_sdk if f.path.endswith("/bin/go")]
    return build_package(ctx, "go", fields | {
        "binaries": ctx.attr.binaries,
        "cgo": ctx.attr.cgo,
        "go_mod": ctx.file.go_mod.path,
        "go_root": go[0].path,
        "go_sum": ctx.file.go_sum.path,
        "go_tags": ctx.attr.go_tags,
        "module": ctx.attr.module,
        "x_defs": ctx.attr.x_defs,
    }, [ctx.file.go_mod, ctx.file.go_sum] + ctx.files._go_sdk)

go_package = package_rule(
    _go_impl,
    doc = "Go programs: of this tree, built by rules_go, or of modules, built offline from go.mod and go.sum.",
    attrs = {
        "programs": attr.label_keyed_string_dict(doc = "go_binary of this tree to its path in the image."),
        "binaries": attr.string_dict(doc = "Path in the image to the Go package that is its main."),
        "cgo": attr.bool(doc = "Compile with cgo, against deps."),
        "go_mod": attr.label(allow_single_file = True, doc = "The package's own go.mod."),
        "go_sum": attr.label(allow_single_file = True, doc = "The package's own go.sum."),
        "go_tags": attr.string_list(doc = "Build tags."),
        "module": attr.string(doc = "Module that the licence texts come from."),
        "x_defs": attr.string_dict(doc = "Go variable to its value; {version} is the package's."),
        "_go_sdk": attr.label(default = "@go_sdk//:files"),
    },
)
