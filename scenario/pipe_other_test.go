//go:build !unix

package scenario

import "errors"

func makePipe(string) error { return errors.ErrUnsupported }
