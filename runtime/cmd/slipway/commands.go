package main

import (
	"github.com/slipway-os/slipway/runtime/api/server"
	"github.com/slipway-os/slipway/runtime/apiclient"
	"github.com/slipway-os/slipway/runtime/bootstate"
	"github.com/slipway-os/slipway/runtime/config"
	"github.com/slipway-os/slipway/runtime/containers/bootstrap"
	"github.com/slipway-os/slipway/runtime/containers/hostcontainers"
	"github.com/slipway-os/slipway/runtime/containers/preload"
	"github.com/slipway-os/slipway/runtime/emergency"
	"github.com/slipway-os/slipway/runtime/health/bootcheck"
	"github.com/slipway-os/slipway/runtime/lint"
	"github.com/slipway-os/slipway/runtime/multicall"
	"github.com/slipway-os/slipway/runtime/preinit"
	"github.com/slipway-os/slipway/runtime/update"
	"github.com/slipway-os/slipway/runtime/userdata/metadataboot"
)

// table lists every command of the binary; --help prints it in this order.
func table() multicall.Table {
	return multicall.Table{
		{Name: "preinit", Summary: "first process: fills /etc, then starts systemd", Run: preinit.Main},
		{Name: "apiserver", Summary: "serves the host API on /run/api.sock", Run: server.Main},
		{Name: "settings-boot", Summary: "takes user data in and brings the settings into force at boot", Run: config.Main},
		{Name: "settings-kernel", Summary: "brings the settings of the kernel into force", Run: config.KernelMain},
		{Name: "metadata-boot", Summary: "takes in user data of an EC2-style metadata service", Run: metadataboot.Main},
		{Name: "health", Summary: "checks whether this boot is good (--ready: announces it)", Run: bootcheck.Main},
		{Name: "bootstate", Summary: "decides which slot boots (assess, commit, gate, guard, status)", Run: bootstate.Main},
		{Name: "emergency", Summary: "says on the console why the boot failed, then reboots", Run: emergency.Main},
		{Name: "apiclient", Summary: "asks the host API and prints the answer", Run: apiclient.Main},
		{Name: "bootstrap-commands", Summary: "runs the bootstrap commands of the settings", Run: bootstrap.CommandsMain},
		{Name: "bootstrap-containers", Summary: "runs the bootstrap containers of the settings", Run: bootstrap.ContainersMain},
		{Name: "host-containers", Summary: "starts and stops host containers as the settings say (sync)", Run: hostcontainers.SyncMain},
		{Name: "host-container", Summary: "runs one host container (run NAME)", Run: hostcontainers.RunMain},
		{Name: "preload", Summary: "imports images from " + preload.Dir, Run: preload.Main},
		{Name: "updater", Summary: "brings the host to other versions, for the API", Run: update.Main},
		{Name: "lint", Summary: "checks user data off the host", Run: lint.Main},
	}
}
