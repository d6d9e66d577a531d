// Package conformance lets foreign programs judge the images that imagetool
// makes: sfdisk, fsck.vfat, fsck.erofs, veritysetup, e2fsck and objdump, with
// file systems by the real mkfs.erofs and mkfs.ext4.
//
// The tests run in the SDK's root, where these programs are in PATH; a missing
// one is a failure. Where SLIPWAY_IMAGE and SLIPWAY_ARTIFACTS name a built
// image and the folder with its parts, that image is judged too.
package conformance
