package signals

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	bolt "go.etcd.io/bbolt"
)

const (
	maxSpool = 1 << 30 // bytes in use: some three million callbacks
	keepDead = 10_000  // dead letters, the newest
)

var errSpoolFull = errors.New("the spool is full: Temporal has not been reachable for long")

// The buckets of the file. In queue is what waits for Temporal, in missing what waits for its run. A key there is the hash
// of a target and a sequence number, so that the callbacks of one target lie together and in order; ages has the sequence
// numbers of the queue with the time that each callback came.
var (
	bucketQueue   = []byte("queue")
	bucketMissing = []byte("missing")
	bucketAges    = []byte("ages")
	bucketDead    = []byte("dead")
	bucketMeta    = []byte("meta")
	buckets       = [][]byte{bucketQueue, bucketMissing, bucketAges, bucketDead, bucketMeta}

	keyNamespace = []byte("namespace")
	keyProbe     = []byte("probe")
)

// entry is one callback on disk. It has no token and no address in it.
type entry struct {
	Kind       Kind      `json:"kind"`
	WorkflowID string    `json:"workflowId"`
	Key        string    `json:"key"`
	Callback   Callback  `json:"callback"`
	Came       time.Time `json:"came"`
	Trace      []byte    `json:"trace,omitempty"`       // a Trace: of the callback's span
	Missing    time.Time `json:"missingSince,omitzero"` // when its run was first found missing
	Reason     string    `json:"reason,omitempty"`      // of a dead letter: why it cannot be delivered
}

func newEntry(a Arrival, trace Trace) entry {
	e := entry{Kind: a.Target.Kind, WorkflowID: a.Target.WorkflowID, Key: a.Target.Key, Callback: a.Callback, Came: a.At}
	if !trace.isNone() {
		e.Trace = trace[:]
	}
	return e
}

func (e *entry) trace() (t Trace) {
	copy(t[:], e.Trace)
	return t
}

func (e *entry) arrival(namespace string) Arrival {
	return Arrival{Target{Kind: e.Kind, Namespace: namespace, WorkflowID: e.WorkflowID, Key: e.Key}, e.Callback, e.Came}
}

// owner is a target's hash, which begins the keys of all its callbacks.
type owner [sha256.Size]byte

func ownerOf(t Target) owner {
	var b []byte
	for _, s := range []string{string(t.Kind), t.WorkflowID, t.Key} {
		b = appendText(b, s)
	}
	return sha256.Sum256(b)
}

// item is an entry with its place in a bucket.
type item struct {
	key   []byte
	entry entry
}

func (i item) owner() owner { return owner(i.key[:sha256.Size]) }

// number is the entry's sequence number.
func (i item) number() []byte { return i.key[sha256.Size:] }

// count walks through the whole file: for the start only, and after damage.
func (s *store) count(tx *bolt.Tx) error {
	s.queued.Store(int64(tx.Bucket(bucketQueue).Stats().KeyN))
	s.missing.Store(int64(tx.Bucket(bucketMissing).Stats().KeyN))
	s.oldest.Store(oldestIn(tx))
	return nil
}

func oldestIn(tx *bolt.Tx) (nanoseconds int64) {
	if _, at := tx.Bucket(bucketAges).Cursor().First(); at != nil {
		return int64(binary.BigEndian.Uint64(at))
	}
	return 0
}

// put adds an entry: to the queue, or to those whose run is missing.
func (c *changes) put(e entry, of owner) error {
	data, err := json.Marshal(e)
	if err != nil {
		return err
	}
	seq, err := c.Bucket(bucketQueue).NextSequence()
	if err != nil {
		return err
	}
	number := binary.BigEndian.AppendUint64(nil, seq)
	key := append(of[:], number...)
	if !e.Missing.IsZero() {
		c.missing++
		return c.Bucket(bucketMissing).Put(key, data)
	}
	c.queued++
	return errors.Join(c.Bucket(bucketQueue).Put(key, data),
		c.Bucket(bucketAges).Put(number, binary.BigEndian.AppendUint64(nil, uint64(e.Came.UnixNano()))))
}

// take takes an item out of a bucket.
func (c *changes) take(bucket []byte, it item) error {
	err := c.Bucket(bucket).Delete(it.key)
	if bytes.Equal(bucket, bucketQueue) {
		c.queued--
		return errors.Join(err, c.Bucket(bucketAges).Delete(it.number()))
	}
	c.missing--
	return err
}

// move takes all that a bucket has of a target and puts it where it belongs now, in order: among those whose run is
// missing since a time, or into the queue if that is zero.
func (c *changes) move(bucket []byte, of owner, since time.Time) error {
	for _, it := range itemsOf(c.Bucket(bucket), of, -1) {
		it.entry.Missing = since
		if err := errors.Join(c.take(bucket, it), c.put(it.entry, of)); err != nil {
			return err
		}
	}
	return nil
}

// settle takes off what was delivered, or never can be: that goes to the dead letters.
func (c *changes) settle(bucket []byte, it item, outcome Outcome) error {
	if outcome == outcomeDead {
		if err := c.bury(it.entry); err != nil {
			return err
		}
	}
	return c.take(bucket, it)
}

// bury puts an entry among the dead letters, of which the oldest give way.
func (c *changes) bury(e entry) error {
	data, err := json.Marshal(e)
	if err != nil {
		return err
	}
	dead := c.Bucket(bucketDead)
	seq, err := dead.NextSequence()
	if err != nil {
		return err
	}
	if seq > keepDead {
		if err := dead.Delete(binary.BigEndian.AppendUint64(nil, seq-keepDead)); err != nil {
			return err
		}
	}
	return dead.Put(binary.BigEndian.AppendUint64(nil, seq), data)
}

// room is measured in pages in use: the file itself never shrinks.
func (s *store) room(tx *bolt.Tx) error {
	if tx.Size()-int64(s.db.Stats().FreePageN)*int64(s.db.Info().PageSize) > s.max {
		return errSpoolFull
	}
	return nil
}

// first is the oldest callback of a target in a bucket; none where there is none.
func (s *store) first(bucket []byte, of owner) (found []item, err error) {
	err = s.view(func(tx *bolt.Tx) error {
		found = itemsOf(tx.Bucket(bucket), of, 1)
		return nil
	})
	return found, err
}

// itemsOf are up to limit items of a target, or all if that is negative.
func itemsOf(bucket *bolt.Bucket, of owner, limit int) (items []item) {
	c := bucket.Cursor()
	for key, data := c.Seek(of[:]); bytes.HasPrefix(key, of[:]) && len(items) != limit; key, data = c.Next() {
		items = append(items, readItem(key, data))
	}
	return items
}

func readItem(key, data []byte) item {
	it := item{key: bytes.Clone(key)}
	if err := json.Unmarshal(data, &it.entry); err != nil { // shall not hold up the others
		it.entry = entry{Reason: fmt.Sprintf("not readable: %q", data)}
	}
	return it
}

// heads returns the oldest callbacks of up to limit targets in a bucket, from the position on, and the position behind them.
func (s *store) heads(bucket, position []byte, limit int) (heads []item, next []byte, err error) {
	err = s.view(func(tx *bolt.Tx) error {
		heads, next = nil, position
		c := tx.Bucket(bucket).Cursor()
		for key, data := c.Seek(next); key != nil && len(heads) < limit; key, data = c.Seek(next) {
			if bytes.Compare(key, next) < 0 {
				return errOrder
			}
			heads = append(heads, readItem(key, data))
			next = binary.BigEndian.AppendUint64(bytes.Clone(key[:sha256.Size]), 1<<64-1)
		}
		return nil
	})
	return heads, next, err
}

// probe writes, so that a full or read-only disk is noticed before a callback meets it.
func (s *store) probe(ctx context.Context) error {
	return s.update(ctx, func(c *changes) error {
		if err := s.room(c.Tx); err != nil {
			return err
		}
		return c.Bucket(bucketMeta).Put(keyProbe, binary.BigEndian.AppendUint64(nil, uint64(time.Now().UnixNano())))
	})
}
