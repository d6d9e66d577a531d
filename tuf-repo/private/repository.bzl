"""Repositories for tests."""

load("//packages/private:sandbox.bzl", "SOURCE_DATE_EPOCH")
load("//variants:defs.bzl", "ImageInfo")

def _tuf_repository_impl(ctx):
    images = [i[ImageInfo] for i in ctx.attr.images]
    repository = ctx.actions.declare_directory(ctx.label.name)
    args = ctx.actions.args()
    args.add("trial")
    args.add("--output", repository.path)
    args.add("--channel", ctx.attr.channel)
    inputs = []
    for image in images:
        facts = [f for f in image.artifacts if f.basename == "image.json"][0]
        args.add("--artifacts", facts.dirname)
        inputs += image.artifacts
    ctx.actions.run(
        executable = ctx.executable._tufrepo,
        arguments = [args],
        inputs = inputs,
        outputs = [repository],
        env = {"SOURCE_DATE_EPOCH": str(SOURCE_DATE_EPOCH)},
        mnemonic = "TufRepository",
        progress_message = "Signing trial repository {}".format(ctx.label),
    )
    return [DefaultInfo(files = depset([repository]), runfiles = ctx.runfiles([repository]))]

tuf_repository = rule(
    implementation = _tuf_repository_impl,
    doc = """A repository with images, as a folder, for tests and trials.

Its keys are no secret: everybody can compute them (`tufrepo trial`), and its
root says so. Equal images give equal bytes. Real repositories are outside of
the build, with keys that the build does not see: see tuf_publish.""",
    attrs = {
        "images": attr.label_list(mandatory = True, providers = [ImageInfo], doc = "Images, each of another variant, architecture or version."),
        "channel": attr.string(default = "stable", doc = "The one channel."),
        "_tufrepo": attr.label(default = "//tuf-repo/cmd/tufrepo", cfg = "exec", executable = True),
    },
)

def _tuf_trial_root_impl(ctx):
    root = ctx.actions.declare_file(ctx.label.name + ".json")
    ctx.actions.run(
        executable = ctx.executable._tufrepo,
        arguments = ["trial", "root", "--output", root.path, "--channel", ctx.attr.channel],
        outputs = [root],
        env = {"SOURCE_DATE_EPOCH": str(SOURCE_DATE_EPOCH)},
        mnemonic = "TufTrialRoot",
        progress_message = "Writing trial root {}".format(ctx.label),
    )
    return [DefaultInfo(files = depset([root]))]

tuf_trial_root = rule(
    implementation = _tuf_trial_root_impl,
    doc = "The root of every tuf_repository of a channel, for images of tests that are to trust one.",
    attrs = {
        "channel": attr.string(default = "stable", doc = "The one channel."),
        "_tufrepo": attr.label(default = "//tuf-repo/cmd/tufrepo", cfg = "exec", executable = True),
    },
)
