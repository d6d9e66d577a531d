// Package boot has the specs of an image's first light: it boots, its root is
// sealed, its state lives on, and what is wrong is said.
package boot

import (
	"testing"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/slipway-os/slipway/vmtests/suite"
)

// lab holds the image under test, the accelerator and the evidence.
var lab = suite.New()

// patience bounds a spec however slow the host; waits have shorter limits.
const patience = 15 * time.Minute

func TestBoot(t *testing.T) {
	RegisterFailHandler(Fail)
	RunSpecs(t, "Boot")
}
