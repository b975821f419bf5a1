package importer_test

import (
	"testing"

	"github.com/hybridapps/tandem/worker/workertest"
)

func TestMain(m *testing.M) { workertest.Main(m) }
