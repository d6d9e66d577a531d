"""tuf_publish, tuf_repository and tuf_trial_root: images on their way to hosts."""

load("//tuf-repo/private:publish.bzl", _tuf_publish = "tuf_publish")
load("//tuf-repo/private:repository.bzl", _tuf_repository = "tuf_repository", _tuf_trial_root = "tuf_trial_root")

tuf_publish = _tuf_publish
tuf_repository = _tuf_repository
tuf_trial_root = _tuf_trial_root
