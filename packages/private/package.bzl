"""What all package rules share: attributes, the recipe file, the build action."""

load(":providers.bzl", "PackageInfo", "SourceInfo")
load(":sandbox.bzl", "SANDBOX_ATTRS", "SOURCE_DATE_EPOCH", "run_pkgbuild")

LIBC = [
    "//packages/glibc",
    "//packages/libgcc",
    "//packages/linux-headers",
]

COMMON_ATTRS = dict(SANDBOX_ATTRS, **{
    "src": attr.label(providers = [SourceInfo], doc = "Source, from //packages:sources.bzl."),
    "version": attr.string(doc = "Version, where there is no src to tell it."),
    "license": attr.string(mandatory = True, doc = "SPDX licence expression."),
    "license_files": attr.string_list(doc = "Patterns of the licence texts in the source, where the usual names do not fit."),
    "patches": attr.label_list(allow_files = [".patch"], doc = "Patches, in order, -p1."),
    "debian_patches": attr.label(providers = [SourceInfo], doc = "Debian's packaging, whose patch series is applied first."),
    "deps": attr.label_list(providers = [PackageInfo], doc = "Packages: devel for the build, runtime for the image."),
    "libc": attr.label_list(default = LIBC, providers = [PackageInfo], doc = "The C library to build against."),
    "subdir": attr.string(doc = "Folder of the source where the build starts."),
    "env": attr.string_dict(doc = "More environment for all phases."),
    "cflags": attr.string_list(doc = "More C compiler flags."),
    "prepare": attr.label(allow_single_file = [".sh"], doc = "Script to run before configure."),
    "finish": attr.label(allow_single_file = [".sh"], doc = "Script to run after install."),
    "files": attr.label_keyed_string_dict(allow_files = True, doc = "File to its path in the image."),
    "links": attr.string_dict(doc = "Path in the image to the text of the symbolic link there."),
    "drop": attr.string_list(doc = "Patterns of installed paths to leave out; DIR/** is everything below DIR."),
    "keep": attr.string_list(doc = "Patterns of paths for runtime that the path policy would move or drop."),
    "devel": attr.string_list(doc = "More patterns of paths for devel."),
    "extract": attr.string_list(doc = "Installed paths to hand out as files named NAME/BASENAME."),
    "setuid": attr.string_list(doc = "Paths that may be setuid or setgid."),
    "exceptions": attr.string_list_dict(doc = "Check to patterns of paths that it skips."),
})

def package_rule(implementation, attrs, doc):
    """Makes a package rule.

    Args:
      implementation: of the rule; it ends with build_package.
      attrs: dict of the attributes beside COMMON_ATTRS.
      doc: of the rule.

    Returns:
      The rule.
    """
    return rule(implementation = implementation, attrs = dict(COMMON_ATTRS, **attrs), doc = doc, provides = [PackageInfo])

def _recipe(ctx, style, source, version, layers, extra):
    debian = ctx.attr.debian_patches[SourceInfo].archives[0] if ctx.attr.debian_patches else None
    recipe = {
        "name": ctx.label.name,
        "version": version,
        "style": style,
        "license": ctx.attr.license,
        "license_files": ctx.attr.license_files,
        "sources": [f.path for f in source.archives] if source else [],
        "debian": debian.path if debian else "",
        "patches": [f.path for f in ctx.files.patches],
        "layers": [f.path for f in layers],
        "subdir": ctx.attr.subdir,
        "env": ctx.attr.env,
        "cflags": ctx.attr.cflags,
        "prepare": ctx.file.prepare.path if ctx.file.prepare else "",
        "finish": ctx.file.finish.path if ctx.file.finish else "",
        "files": {path: target.files.to_list()[0].path for target, path in ctx.attr.files.items()},
        "links": ctx.attr.links,
        "drop": ctx.attr.drop,
        "keep": ctx.attr.keep,
        "devel": ctx.attr.devel,
        "setuid": ctx.attr.setuid,
        "exceptions": ctx.attr.exceptions,
        "epoch": SOURCE_DATE_EPOCH,
    }
    return recipe | extra

def build_package(ctx, style, extra = {}, inputs = []):
    """Declares the action that builds a package.

    Args:
      ctx: the rule's context.
      style: build style, see packages/internal/recipe.
      extra: dict of the style's own recipe fields.
      inputs: list of File that extra names.

    Returns:
      The rule's providers.
    """
    source = ctx.attr.src[SourceInfo] if ctx.attr.src else None
    version = source.version if source else ctx.attr.version
    if not version:
        fail("{}: neither src nor version is given".format(ctx.label))

    deps = [d[PackageInfo] for d in ctx.attr.deps + ctx.attr.libc]
    sysroot = depset(transitive = [d.sysroot for d in deps], order = "postorder")
    recipe = ctx.actions.declare_file(ctx.label.name + ".recipe.json")
    ctx.actions.write(recipe, json.encode_indent(_recipe(ctx, style, source, version, sysroot.to_list(), extra)))

    runtime = ctx.actions.declare_file(ctx.label.name + ".runtime.tar")
    devel = ctx.actions.declare_file(ctx.label.name + ".devel.tar")
    log = ctx.actions.declare_file(ctx.label.name + ".log")
    extracted = {}
    args = ctx.actions.args()
    args.add("--recipe", recipe)
    args.add("--runtime", runtime)
    args.add("--devel", devel)
    args.add("--log", log)
    for path in ctx.attr.extract:
        name = path.split("/")[-1]
        extracted[name] = ctx.actions.declare_file(ctx.label.name + "/" + name)
        args.add("--extract", "{}:{}".format(path, extracted[name].path))

    direct = [recipe] + inputs + ctx.files.patches + ctx.files.files
    direct += [f for f in [ctx.file.prepare, ctx.file.finish] if f]
    if source:
        direct += source.archives
    if ctx.attr.debian_patches:
        direct += ctx.attr.debian_patches[SourceInfo].archives
    run_pkgbuild(
        ctx,
        "build",
        outputs = [runtime, devel, log] + extracted.values(),
        inputs = depset(direct, transitive = [sysroot]),
        arguments = [args],
        mnemonic = "PackageBuild",
        progress_message = "Building package {} {}".format(ctx.label.name, version),
    )
    info = PackageInfo(
        name = ctx.label.name,
        version = version,
        license = ctx.attr.license,
        debian_version = source.debian_version if source else "",
        runtime = runtime,
        devel = devel,
        extracted = extracted,
        runtime_closure = depset([runtime], transitive = [d.runtime_closure for d in deps], order = "postorder"),
        sysroot = depset([runtime, devel], transitive = [d.sysroot for d in deps], order = "postorder"),
    )
    return [
        info,
        DefaultInfo(files = depset([runtime, devel])),
        OutputGroupInfo(log = depset([log]), extracted = depset(extracted.values())),
    ]
