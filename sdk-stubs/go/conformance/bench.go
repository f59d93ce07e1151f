package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"sort"
	"sync"
	"sync/atomic"
	"time"

	saga "saga.engine/sdk"
	pb "saga.engine/sdk/internal/conformancepb"
)

// raw makes round trips over a TLS connection by Go's own means.
func (h *harness) raw(action *pb.Action) (func(uint32) error, func(), error) {
	pem, err := os.ReadFile(h.how.Ca)
	if err != nil {
		return nil, nil, err
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(pem)
	config := &tls.Config{RootCAs: pool, ServerName: h.how.Host, NextProtos: []string{"saga/1"}, MinVersion: tls.VersionTLS13}
	connection, err := tls.Dial("tcp", fmt.Sprintf("%s:%d", h.how.Host, h.how.Port), config)
	if err != nil {
		return nil, nil, err
	}
	answer := make([]byte, 65_540)
	frame := func(data []byte) error {
		if _, err := connection.Write(data); err != nil {
			return err
		}
		if _, err := io.ReadFull(connection, answer[:4]); err != nil {
			return err
		}
		_, err := io.ReadFull(connection, answer[:binary.BigEndian.Uint32(answer)])
		return err
	}
	request := append(make([]byte, 12), action.Echo...)
	binary.BigEndian.PutUint32(request, uint32(8+len(action.Echo)))
	request[4] = 3
	binary.BigEndian.PutUint16(request[6:], 1792)
	one := func(number uint32) error {
		binary.BigEndian.PutUint32(request[8:], number+1)
		return frame(request)
	}
	return one, func() { connection.Close() }, frame(action.Input.GetData())
}

// measured carries out BENCH.
func (h *harness) measured(ctx context.Context, action *pb.Action) ([]string, error) {
	one := func(uint32) error {
		_, err := h.client.Health(ctx, action.Echo)
		return err
	}
	switch action.Text {
	case "raw":
		made, closed, err := h.raw(action)
		if err != nil {
			return nil, err
		}
		defer closed()
		one = made
	case "saga":
		input := saga.NewValue(action.Input.GetEncoding(), action.Input.GetData())
		one = func(number uint32) error {
			start := saga.StartOptions{ID: fmt.Sprintf("%s-%d", action.WorkflowId, number), TaskQueue: action.TaskQueue}
			handle, err := h.client.Start(ctx, action.WorkflowType, input, start)
			if err != nil {
				return err
			}
			var output saga.Value
			return handle.Result(ctx, &output)
		}
	}
	lanes := int(action.Concurrency)
	if lanes == 0 {
		lanes = 1
	}
	times := make([]time.Duration, action.Number)
	var next atomic.Int64
	var group sync.WaitGroup
	var failed atomic.Value
	began := time.Now()
	for lane := 0; lane < lanes; lane++ {
		group.Add(1)
		go func() {
			defer group.Done()
			for number := next.Add(1) - 1; number < int64(action.Number); number = next.Add(1) - 1 {
				began := time.Now()
				if err := one(uint32(number)); err != nil {
					failed.Store(err)
					return
				}
				times[number] = time.Since(began)
			}
		}()
	}
	group.Wait()
	total := time.Since(began)
	if err, bad := failed.Load().(error); bad {
		return nil, err
	}
	sort.Slice(times, func(i, j int) bool { return times[i] < times[j] })
	var lines []string
	for _, found := range []time.Duration{total, times[len(times)/2], times[len(times)*99/100]} {
		lines = append(lines, fmt.Sprintf("%.1f", float64(found.Nanoseconds())/1_000))
	}
	return lines, nil
}
