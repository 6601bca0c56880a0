package web

import (
	"os"
	"testing"

	"sportello/internal/testenv"
)

func TestMain(m *testing.M) { os.Exit(testenv.Main(m)) }
