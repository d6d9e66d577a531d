"""A variant: packages, kernel, command line, identity."""

load("//kernel:defs.bzl", "KernelInfo")
load("//packages:defs.bzl", "PackageInfo")
load("//packages/private:sandbox.bzl", "SOURCE_DATE_EPOCH")
load(":version.bzl", "VERSION")

VariantInfo = provider(
    doc = "What an OS consists of.",
    fields = {
        "name": "string: VARIANT_ID of os-release(5)",
        "version": "string: VERSION_ID of os-release(5)",
        "layers": "depset of File: runtime layers, without os-release",
        "os_release": "File: os-release(5)",
        "os_release_layer": "File: layer that holds it",
        "kernel": "KernelInfo",
        "boot": "PackageInfo whose extracted files are the boot loader and the stub",
        "cmdline": "list of string: kernel arguments beside those that imagetool makes",
    },
)

def _os_release(ctx, id, version):
    fields = [
        ("NAME", "Slipway"),
        ("ID", "slipway"),
        ("PRETTY_NAME", "Slipway {} ({})".format(version, id)),
        ("VERSION", version),
        ("VERSION_ID", version),
        ("VARIANT_ID", id),
        ("IMAGE_ID", "slipway-" + id),
        ("IMAGE_VERSION", version),
    ]
    file = ctx.actions.declare_file(ctx.label.name + ".os-release")
    ctx.actions.write(file, "".join(["{}=\"{}\"\n".format(k, v) for k, v in fields]))
    layer = ctx.actions.declare_file(ctx.label.name + ".os-release.tar")
    ctx.actions.run(
        executable = ctx.executable._pkgbuild,
        arguments = ["layer", "--epoch", str(SOURCE_DATE_EPOCH), "--output", layer.path, "usr/lib/os-release=" + file.path],
        inputs = [file],
        outputs = [layer],
        mnemonic = "OsRelease",
    )
    return file, layer

def _variant_impl(ctx):
    base = ctx.attr.base[VariantInfo] if ctx.attr.base else None
    kernel = ctx.attr.kernel or None
    if not base and not (kernel and ctx.attr.boot):
        fail("{}: a variant without a base needs a kernel and a boot package".format(ctx.label))
    layers = [p[PackageInfo].runtime_closure for p in ctx.attr.packages]
    if kernel:
        layers.append(depset([kernel[PackageInfo].runtime]))
    id, version = ctx.attr.id or ctx.label.name, ctx.attr.version or VERSION
    os_release, os_release_layer = _os_release(ctx, id, version)
    return [VariantInfo(
        name = id,
        version = version,
        layers = depset(transitive = ([base.layers] if base else []) + layers),
        os_release = os_release,
        os_release_layer = os_release_layer,
        kernel = kernel[KernelInfo] if kernel else base.kernel,
        boot = ctx.attr.boot[PackageInfo] if ctx.attr.boot else base.boot,
        cmdline = (base.cmdline if base else []) + ctx.attr.cmdline,
    )]

variant = rule(
    implementation = _variant_impl,
    doc = "What an OS is. Lists append to those of the base, single values override.",
    attrs = {
        "base": attr.label(providers = [VariantInfo], doc = "Variant that says everything not said here."),
        "packages": attr.label_list(providers = [PackageInfo], doc = "Packages; what they need comes along."),
        "kernel": attr.label(providers = [KernelInfo, PackageInfo]),
        "boot": attr.label(providers = [PackageInfo], doc = "Package that hands out the boot loader and the stub."),
        "cmdline": attr.string_list(doc = "Kernel arguments."),
        "id": attr.string(doc = "VARIANT_ID, where it is not the target's name: hosts update within one."),
        "version": attr.string(doc = "Version, where it is not that of the tree: for tests of updates."),
        "_pkgbuild": attr.label(default = "//packages/cmd/pkgbuild", cfg = "exec", executable = True),
    },
    provides = [VariantInfo],
)
