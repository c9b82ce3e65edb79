package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Memory is of a worker's process, in bytes.
type Memory struct {
	Heap  float64 `json:"heap"`  // that is alive, just after a garbage collection
	Stack float64 `json:"stack"` // of its goroutines
	RSS   float64 `json:"rss"`   // that the system has given to it
}

// memory reads the worker's metrics just after a garbage collection. Reading them again and again brings one about.
func (c *crowd) memory(ctx context.Context) (Memory, error) {
	first, err := c.metrics(ctx)
	if err != nil {
		return Memory{}, err
	}
	for now := first; ; {
		if now, err = c.metrics(ctx); err != nil {
			return Memory{}, err
		}
		if now["go_memstats_last_gc_time_seconds"] > first["go_memstats_last_gc_time_seconds"] {
			return Memory{
				Heap: now["go_memstats_heap_alloc_bytes"], Stack: now["go_memstats_stack_inuse_bytes"], RSS: now["process_resident_memory_bytes"],
			}, nil
		}
	}
}

var memoryMetrics = []string{
	"go_memstats_last_gc_time_seconds", "go_memstats_heap_alloc_bytes", "go_memstats_stack_inuse_bytes", "process_resident_memory_bytes",
}

func (c *crowd) metrics(ctx context.Context) (map[string]float64, error) {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+c.worker.Admin+"/metrics", nil)
	if err != nil {
		return nil, fmt.Errorf("read the worker's metrics: %w", err)
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, fmt.Errorf("read the worker's metrics: %w", err)
	}
	defer answer.Body.Close()
	values := map[string]float64{}
	for lines := bufio.NewScanner(answer.Body); lines.Scan(); {
		name, value, _ := strings.Cut(lines.Text(), " ")
		if slices.Contains(memoryMetrics, name) {
			if values[name], err = strconv.ParseFloat(value, 64); err != nil {
				return nil, fmt.Errorf("read the worker's metrics: %s: %w", name, err)
			}
		}
	}
	if len(values) != len(memoryMetrics) {
		return nil, errors.New("read the worker's metrics: they do not tell its memory")
	}
	return values, nil
}
