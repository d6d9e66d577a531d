"""Linux, built from fragments whose every option is asserted."""

load("//packages/private:package.bzl", "build_package", "package_rule")
load("//packages/private:providers.bzl", "PackageInfo")

KernelInfo = provider(
    doc = "One built kernel. Its modules are the runtime layer of the PackageInfo beside it.",
    fields = {"image": "File: the compressed kernel (bzImage)"},
)

def _kernel_impl(ctx):
    fragments = ctx.files.config
    providers = build_package(
        ctx,
        "kernel",
        {
            "fragments": [f.path for f in fragments],
            "require": ctx.file.require.path if ctx.file.require else "",
            "kconfig": ctx.executable._kconfig.path,
        },
        fragments + [ctx.executable._kconfig] + ([ctx.file.require] if ctx.file.require else []),
    )
    return providers + [KernelInfo(image = providers[0].extracted["vmlinuz"])]

kernel = package_rule(
    _kernel_impl,
    attrs = {
        "config": attr.label_list(mandatory = True, allow_files = [".config"], doc = "Configuration fragments; the last one that names an option wins."),
        "extract": attr.string_list(default = ["usr/lib/modules/*/vmlinuz"]),
        "libc": attr.label_list(providers = [PackageInfo]),
        "require": attr.label(allow_single_file = [".config"], doc = "Options that are asserted, but not asked for."),
        "_kconfig": attr.label(default = "//kernel/cmd/kconfig", cfg = "exec", executable = True),
    },
    doc = "A kernel built up from allnoconfig by fragments.",
)
