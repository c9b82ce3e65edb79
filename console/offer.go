package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path"
	"strings"
	"time"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"github.com/dpaflow/dpaflow/platform"
	"github.com/dpaflow/dpaflow/runbook"
)

// offered is what can be started.
type offered struct {
	Runbooks      []string // paths below DPA_RUNBOOKS_DIR
	Plans         []platform.Plan
	Models        []platform.Model
	Missing       []string // why something is not listed
	HasFolder     bool
	RunbookFolder string
}

// offer lists what can be started.
func (c *console) offer(w http.ResponseWriter, v *visit) error {
	var o offered
	miss := func(err error) {
		if err != nil {
			o.Missing = append(o.Missing, err.Error())
		}
	}
	var err error
	if c.cfg.RunbooksDir != "" {
		o.HasFolder = true
		o.Runbooks, err = c.runbooks()
		miss(err)
	}
	o.Plans, err = asks[[]platform.Plan](v.Context(), c, "Plans", nil)
	miss(err)
	o.Models, err = asks[[]platform.Model](v.Context(), c, "Models", nil)
	miss(err)
	return c.pages.write(w, http.StatusOK, "start", c.page(v, "Start", o))
}

// asks has a worker read from the platform, as one of Temporal's standalone activities: the console has no credentials.
func asks[T any](ctx context.Context, c *console, activity string, in any) (T, error) {
	var args []any
	if in != nil {
		args = append(args, in)
	}
	value, err := c.read.get(ctx, fmt.Sprint(activity, " ", in), func(ctx context.Context) (any, error) {
		run, err := c.temporal.ExecuteActivity(ctx, client.StartActivityOptions{
			ID: "console-" + activity + "-" + rand.Text(), TaskQueue: c.cfg.TaskQueue,
			StartToCloseTimeout: 12 * time.Second, ScheduleToCloseTimeout: 14 * time.Second,
			RetryPolicy: &temporal.RetryPolicy{MaximumAttempts: 2},
		}, activity, args...)
		var answer T
		if err == nil {
			err = run.Get(ctx, &answer)
		}
		if err != nil {
			return nil, fmt.Errorf("have a worker read %s from the platform: %w; check that workers run on task queue %s", activity, err, c.cfg.TaskQueue)
		}
		return answer, nil
	})
	answer, _ := value.(T)
	return answer, err
}

const (
	// maxRunbooks is how many files are listed.
	maxRunbooks = 500
	// maxFile is beyond what a runbook may have, so that Parse says so.
	maxFile = 8 << 20
)

// runbooks lists the files that may be runbooks.
func (c *console) runbooks() (names []string, err error) {
	root, err := os.OpenRoot(c.cfg.RunbooksDir)
	if err != nil {
		return nil, fmt.Errorf("list the runbooks: %w; check DPA_RUNBOOKS_DIR", err)
	}
	defer root.Close()
	err = fs.WalkDir(root.FS(), ".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && strings.HasPrefix(entry.Name(), ".") && name != ".":
			return fs.SkipDir
		case entry.IsDir() || !isRunbook(name):
		case len(names) == maxRunbooks:
			return fs.SkipAll
		default:
			names = append(names, name)
		}
		return nil
	})
	return names, err
}

func isRunbook(name string) bool {
	switch path.Ext(name) {
	case ".yaml", ".yml", ".json":
		return true
	}
	return false
}

// readRunbook reads a file below the folder of runbooks, wherever its name or a link might lead.
func (c *console) readRunbook(name string) (*runbook.Document, error) {
	if c.cfg.RunbooksDir == "" || !isRunbook(name) {
		return nil, failure{http.StatusNotFound, fmt.Errorf("there is no runbook %q; check DPA_RUNBOOKS_DIR", name)}
	}
	root, err := os.OpenRoot(c.cfg.RunbooksDir)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	doc, err := runbook.ParseFile(name, func(file string) ([]byte, error) { return readBelow(root, file) })
	var wrong runbook.Faults
	if errors.As(err, &wrong) {
		return nil, failure{http.StatusUnprocessableEntity, fmt.Errorf("%s cannot be run:\n%w", name, err)}
	} else if err != nil {
		return nil, failure{http.StatusNotFound, err}
	}
	return doc, nil
}

// readBelow reads a file that may be a runbook, or one that a runbook names.
func readBelow(root *os.Root, name string) ([]byte, error) {
	missing := fmt.Errorf("there is no runbook %q that can be read below DPA_RUNBOOKS_DIR", name)
	if !isRunbook(name) {
		return nil, missing
	}
	file, err := root.Open(name)
	if err != nil {
		return nil, missing
	}
	defer file.Close()
	data, err := io.ReadAll(io.LimitReader(file, maxFile))
	if err != nil {
		return nil, missing
	}
	return data, nil
}

// paramsOf reads the inputs of a plan, by model and name, or those of a model.
func paramsOf(fields []field) (map[string]runbook.Param, error) {
	params := map[string]runbook.Param{}
	var wrong []error
	for _, f := range fields {
		param := runbook.Text(f.Typed)
		if strings.HasPrefix(f.Typed, `{"secretRef"`) {
			if err := json.Unmarshal([]byte(f.Typed), &param); err != nil {
				wrong = append(wrong, fmt.Errorf("%s: %w", f.Name, err))
			}
		}
		params[f.Name] = param
	}
	return params, errors.Join(wrong...)
}
