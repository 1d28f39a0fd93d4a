package audit

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"hasura-login/app/login"
)

const (
	// writerOfVerbs names the segments, one a day, that all verbs write to.
	writerOfVerbs = "verbs"
	// reserved holds what one verb writes.
	reserved = 4 << 10
)

// Verb is the login.ActAuditor of an operator's verb. It is opened before the verb
// changes anything, and makes sure that there is room: an act that cannot be recorded
// must not happen.
type Verb struct{ dir string }

// OpenVerb makes a Verb, or fails where its events could not be written.
func OpenVerb(dir string) (*Verb, error) {
	if err := prepare(dir); err != nil {
		return nil, err
	}
	v := &Verb{dir}
	for _, k := range []Kind{KindOperators, KindDeletions} {
		err := v.in(k, func(f *os.File) error { return reserve(f, reserved) })
		if err != nil {
			return nil, fmt.Errorf("the audit trail cannot be written: %w", err)
		}
	}
	return v, nil
}

// RecordAct writes one event to the disk.
func (v *Verb) RecordAct(ctx context.Context, e login.Event) error {
	line := lineOf(ctx, e, time.Now()).encode()
	defer line.Free()
	return v.in(KindOf(e), func(f *os.File) error { return appendWhole(f, line.Bytes()) })
}

// in calls f on today's segment while no other verb uses it. Another process may have
// removed the segment before the lock was taken; then in makes a new one.
func (v *Verb) in(k Kind, work func(*os.File) error) error {
	for {
		path := segmentPath(v.dir, k, time.Now().UTC().Truncate(segmentLife), writerOfVerbs)
		f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o600) // #nosec G304 -- the operator's own folder
		if err != nil {
			return err
		}
		err = errors.Join(own(f), giveToOwnerOf(v.dir, f))
		if err == nil && removed(f) {
			_ = f.Close()
			continue
		}
		if err == nil {
			err = work(f)
		}
		return errors.Join(err, f.Close())
	}
}

// appendWhole adds a line to the disk, or nothing.
func appendWhole(f *os.File, line []byte) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if n, err := f.Write(line); err != nil {
		if n > 0 {
			err = errors.Join(err, f.Truncate(info.Size()))
		}
		return err
	}
	return f.Sync()
}
