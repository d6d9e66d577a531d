"""The SDK: locked Debian packages, unpacked into one artefact."""

load(":providers.bzl", "SdkInfo")

def _sdk_impl(ctx):
    archive = ctx.outputs.archive
    id = ctx.outputs.id
    args = ctx.actions.args()
    args.add("--lock", ctx.file.lock)
    args.add("--debs", ctx.files.packages[0].dirname)
    args.add("--output", archive)
    args.add("--id", id)
    ctx.actions.run(
        executable = ctx.executable._sdkpack,
        arguments = [args],
        inputs = [ctx.file.lock] + ctx.files.packages,
        outputs = [archive, id],
        mnemonic = "SdkPack",
        progress_message = "Packing the SDK from {} packages".format(len(ctx.files.packages)),
    )
    return [
        SdkInfo(archive = archive, id = id),
        DefaultInfo(files = depset([archive, id])),
    ]

sdk = rule(
    implementation = _sdk_impl,
    doc = "Unpacks locked packages into one root file system archive.",
    outputs = {
        "archive": "%{name}.tar.zst",
        "id": "%{name}.id",
    },
    attrs = {
        "lock": attr.label(mandatory = True, allow_single_file = True),
        "packages": attr.label(mandatory = True, allow_files = True),
        "_sdkpack": attr.label(default = "//packages/cmd/sdkpack", cfg = "exec", executable = True),
    },
    provides = [SdkInfo],
)
