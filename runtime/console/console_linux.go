package console

import "golang.org/x/sys/unix"

// noCTTY keeps the console from becoming the controlling terminal.
const noCTTY = unix.O_NOCTTY
