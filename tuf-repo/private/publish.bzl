"""Publishing images by `bazel run`."""

load("//variants:defs.bzl", "ImageInfo")

_LAUNCHER = """#!/bin/sh
# Publishes {label}: tufrepo publish, with the arguments that the user adds.
set -eu
here=$PWD
cd "${{BUILD_WORKING_DIRECTORY:-$here}}"
exec "$here/{tufrepo}" publish {artifacts} {channel} "$@"
"""

def _folder(image):
    # All artefacts of an image lie in one folder, image.json among them.
    return [f for f in image.artifacts if f.basename == "image.json"][0].short_path.rpartition("/")[0]

def _tuf_publish_impl(ctx):
    images = [i[ImageInfo] for i in ctx.attr.images]
    launcher = ctx.actions.declare_file(ctx.label.name + ".sh")
    ctx.actions.write(launcher, _LAUNCHER.format(
        label = ctx.label,
        tufrepo = ctx.executable._tufrepo.short_path,
        artifacts = " ".join(["--artifacts \"$here/{}\"".format(_folder(i)) for i in images]),
        channel = "--channel " + ctx.attr.channel if ctx.attr.channel else "",
    ), is_executable = True)
    files = [ctx.executable._tufrepo]
    for image in images:
        files += image.artifacts
    return [DefaultInfo(executable = launcher, runfiles = ctx.runfiles(files))]

tuf_publish = rule(
    implementation = _tuf_publish_impl,
    doc = """Publishes images to a repository: `bazel run TARGET -- --repo DIR --keys DIR`.

Whatever stands after `--` goes to `tufrepo publish`: `--channel`, `--waves`,
`--min-version`, `--passphrase-file` and so on. Relative paths are those of the
folder that bazel was started in.""",
    executable = True,
    attrs = {
        "images": attr.label_list(mandatory = True, allow_empty = False, providers = [ImageInfo], doc = "Images to publish together."),
        "channel": attr.string(doc = "Channel, where the user names none; empty: stable."),
        "_tufrepo": attr.label(default = "//tuf-repo/cmd/tufrepo", cfg = "target", executable = True),
    },
)
