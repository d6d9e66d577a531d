"""An image: a variant packed as a disk."""

load("//packages/private:sandbox.bzl", "SANDBOX_ATTRS", "SOURCE_DATE_EPOCH", "run_pkgbuild")
load(":variant.bzl", "VariantInfo")

ImageInfo = provider(
    doc = "A packed variant.",
    fields = {
        "disk": "File: raw disk image",
        "artifacts": "list of File: see _ARTIFACTS",
        "rootfs": "File: the root file system as a tar",
    },
)

_ARTIFACTS = [
    "root.erofs",
    "root.verity",
    "root.frames",
    "root.index",
    "uki.efi",
    "uki.frames",
    "uki.index",
    "image.json",
]

def _rootfs(ctx, variant):
    rootfs = ctx.actions.declare_file(ctx.label.name + "/root.tar")
    layers = variant.layers.to_list() + [variant.os_release_layer]
    args = ctx.actions.args()
    args.add("rootfs")
    args.add("--output", rootfs)
    args.add_all(layers)
    ctx.actions.run(
        executable = ctx.executable._imagetool,
        arguments = [args],
        inputs = layers,
        outputs = [rootfs],
        mnemonic = "ImageRootfs",
        progress_message = "Merging {} layers of {}".format(len(layers), variant.name),
    )
    return rootfs

def _image_impl(ctx):
    variant = ctx.attr.variant[VariantInfo]
    disk = ctx.actions.declare_file(ctx.label.name + "/disk.img")
    artifacts = [ctx.actions.declare_file(ctx.label.name + "/" + name) for name in _ARTIFACTS]
    rootfs = _rootfs(ctx, variant)
    inputs = {
        "imagetool": ctx.executable._imagetool,
        "root.tar": rootfs,
        "kernel": variant.kernel.image,
        "stub": variant.boot.extracted["linuxx64.efi.stub"],
        "bootloader": variant.boot.extracted["systemd-bootx64.efi"],
        "os-release": variant.os_release,
        "layout.toml": ctx.file.layout,
    }
    args = ctx.actions.args()
    args.add("--env", "SOURCE_DATE_EPOCH={}".format(SOURCE_DATE_EPOCH))
    for name, file in inputs.items():
        args.add("--bind", "{}:/work/in/{}".format(file.path, name))
    args.add("--bind-rw", disk.dirname + ":/work/out")
    args.add("--")
    args.add_all(["/work/in/imagetool", "build", "--version", variant.version])
    for flag in ["kernel", "stub", "bootloader", "os-release"]:
        args.add("--" + flag, "/work/in/" + flag)
    args.add("--rootfs", "/work/in/root.tar")
    args.add("--layout", "/work/in/layout.toml")
    args.add("--cmdline", " ".join(variant.cmdline))
    args.add("--output", "/work/out/disk.img")
    args.add("--artifacts", "/work/out")
    run_pkgbuild(
        ctx,
        "run",
        outputs = [disk] + artifacts,
        inputs = inputs.values(),
        arguments = [args],
        mnemonic = "ImageBuild",
        progress_message = "Packing image of {} {}".format(variant.name, variant.version),
    )
    return [
        ImageInfo(disk = disk, artifacts = artifacts, rootfs = rootfs),
        DefaultInfo(files = depset([disk] + artifacts)),
    ]

image = rule(
    implementation = _image_impl,
    doc = "How a variant is packed: a disk image and the artefacts of an update.",
    attrs = dict(SANDBOX_ATTRS, **{
        "variant": attr.label(mandatory = True, providers = [VariantInfo]),
        "layout": attr.label(mandatory = True, allow_single_file = [".toml"], doc = "Partitions and their sizes, see imagetool/layout."),
        "_imagetool": attr.label(default = "//imagetool/cmd/imagetool", cfg = "exec", executable = True),
    }),
    provides = [ImageInfo],
)
