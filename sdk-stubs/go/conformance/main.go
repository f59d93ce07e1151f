// The harness of the conformance suite: reads actions from standard input and carries them out; see conformance.proto.
package main

import (
	"bufio"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"reflect"
	"strings"
	"sync"
	"syscall"
	"time"

	"google.golang.org/protobuf/proto"

	saga "saga.engine/sdk"
	pb "saga.engine/sdk/internal/conformancepb"
	"saga.engine/sdk/sagapb"
)

type harness struct {
	client *saga.Client
	how    *pb.Connect
	worker *saga.Worker
	served chan error
	// What EXPORT kept.
	exported []*sagapb.HistoryChunk

	mu    sync.Mutex
	lines []string
}

func (h *harness) log(format string, arguments ...any) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.lines = append(h.lines, fmt.Sprintf(format, arguments...))
}

type xor struct{}

func flip(data []byte) []byte {
	made := make([]byte, len(data))
	for i, b := range data {
		made[i] = b ^ 0x5a
	}
	return made
}

func (xor) Encode(p *sagapb.Payload) (*sagapb.Payload, error) {
	return &sagapb.Payload{Encoding: "xor/" + p.Encoding, Data: flip(p.Data), Metadata: p.Metadata}, nil
}

func (xor) Decode(p *sagapb.Payload) (*sagapb.Payload, error) {
	return &sagapb.Payload{Encoding: strings.TrimPrefix(p.Encoding, "xor/"), Data: flip(p.Data), Metadata: p.Metadata}, nil
}

// fromValue makes a Go value; JSON becomes what encoding/json makes of it.
func fromValue(value *pb.Value) (any, error) {
	switch value.GetEncoding() {
	case "":
		return nil, nil
	case "json":
		var made any
		err := json.Unmarshal(value.Data, &made)
		return made, err
	case "bytes":
		return value.Data, nil
	default:
		return saga.NewValue(value.Encoding, value.Data), nil
	}
}

func toValue(value saga.Value) (*pb.Value, error) {
	encoding, err := value.Encoding()
	if err != nil {
		return nil, err
	}
	data, err := value.Data()
	return &pb.Value{Encoding: encoding, Data: data}, err
}

func text(value saga.Value) string {
	if value.IsEmpty() {
		return "null"
	}
	var made any
	if err := value.Get(&made); err != nil {
		return err.Error()
	}
	data, _ := json.Marshal(made)
	return string(data)
}

// Activities

func (h *harness) program(ctx context.Context, program *pb.ActivityProgram) (any, error) {
	h.log("do %s %d", program.GetName(), saga.InfoOf(ctx).Attempt)
	return h.carryOut(ctx, program.GetName(), program.GetSteps())
}

func (h *harness) undo(ctx context.Context, undo saga.Undo[*pb.ActivityProgram, saga.Value]) (any, error) {
	info := saga.InfoOf(ctx)
	key := "bad-key"
	if info.IsUndo && strings.HasPrefix(info.IdempotencyKey, undo.IdempotencyKey+"/undo") {
		key = "key"
	}
	output := "null"
	if undo.Output != nil {
		output = text(*undo.Output)
	}
	name := undo.Input.GetName()
	h.log("undo %s %s %s %s %s", name, undo.Outcome, output, text(undo.Data), key)
	return h.carryOut(ctx, name, undo.Input.GetUndoSteps())
}

func (h *harness) carryOut(ctx context.Context, name string, steps []*pb.Step) (any, error) {
	for _, step := range steps {
		info := saga.InfoOf(ctx)
		if step.OnlyAttempt != 0 && step.OnlyAttempt != info.Attempt {
			continue
		}
		value, err := fromValue(step.Value)
		if err != nil {
			return nil, err
		}
		switch step.Op {
		case pb.Op_OP_RETURN:
			return value, nil
		case pb.Op_OP_FAIL:
			failed := error(&saga.Error{
				Kind: sagapb.ErrorKind(step.ErrorKind), Code: step.ErrorCode, Message: step.Text, NonRetryable: step.NonRetryable,
				Context: map[string]string{"who": "conformance"},
			})
			if step.NoEffect {
				failed = saga.NoEffect(failed)
			}
			return nil, failed
		case pb.Op_OP_THROW:
			return nil, errors.New(step.Text)
		case pb.Op_OP_HEARTBEAT:
			saga.Heartbeat(ctx, value)
		case pb.Op_OP_SLEEP:
			time.Sleep(time.Duration(step.Ms) * time.Millisecond)
		case pb.Op_OP_AWAIT_CANCEL:
			end := time.Now().Add(time.Duration(step.Ms) * time.Millisecond)
			for ctx.Err() == nil && time.Now().Before(end) {
				saga.Heartbeat(ctx, nil)
				select {
				case <-ctx.Done():
				case <-time.After(100 * time.Millisecond):
				}
			}
			if ctx.Err() == nil {
				return nil, &saga.Error{Kind: sagapb.ErrorKind_ERROR_KIND_TIMEOUT, Message: "nobody cancelled it"}
			}
			h.log("cancelled %s", name)
			if step.NoEffect {
				return nil, saga.NoEffect(ctx.Err())
			}
			return nil, ctx.Err()
		case pb.Op_OP_UNDO_DATA:
			saga.SetUndoData(ctx, value)
		case pb.Op_OP_CRASH:
			_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
			select {}
		case pb.Op_OP_LOG_DETAILS:
			h.log("details %s %s", name, text(info.HeartbeatDetails))
		}
	}
	return nil, nil
}

// Actions

func (h *harness) connect(ctx context.Context, how *pb.Connect) error {
	if h.client != nil {
		_ = h.client.Close()
	}
	var options []saga.Option
	if how.Ca == "" {
		options = append(options, saga.WithInsecure())
	} else {
		options = append(options, saga.WithCAFile(how.Ca))
	}
	if how.Cert != "" {
		options = append(options, saga.WithCertificate(how.Cert, how.Key))
	}
	if how.ServerName != "" {
		options = append(options, saga.WithServerName(how.ServerName))
	}
	if how.Codec {
		options = append(options, saga.WithCodec(xor{}))
	}
	if how.TimeoutMs > 0 {
		options = append(options, saga.WithConnectTimeout(time.Duration(how.TimeoutMs)*time.Millisecond))
	}
	options = append(options, saga.WithToken(how.Token), saga.WithNamespace(how.Namespace))
	client, err := saga.Dial(ctx, fmt.Sprintf("%s:%d", how.Host, how.Port), options...)
	h.client = client
	return err
}

// methods finds the calls of the stubs in the stubs themselves.
func methods() []string {
	var found []string
	client := reflect.TypeOf(saga.Client{})
	for i := 0; i < client.NumField(); i++ {
		field := client.Field(i).Type
		if !strings.HasSuffix(field.Name(), "Service") {
			continue
		}
		for j := 0; j < field.NumMethod(); j++ {
			found = append(found, strings.TrimSuffix(field.Name(), "Service")+"."+field.Method(j).Name)
		}
	}
	return found
}

func (h *harness) act(action *pb.Action) (*pb.Outcome, error) {
	ctx := context.Background()
	if action.TimeoutMs > 0 {
		limited, cancel := context.WithTimeout(ctx, time.Duration(action.TimeoutMs)*time.Millisecond)
		defer cancel()
		ctx = limited
	}
	if action.CancelAfterMs > 0 {
		cancelled, cancel := context.WithCancel(ctx)
		defer cancel()
		timer := time.AfterFunc(time.Duration(action.CancelAfterMs)*time.Millisecond, cancel)
		defer timer.Stop()
		ctx = cancelled
	}
	out := &pb.Outcome{}
	switch action.Verb {
	case pb.Verb_VERB_CONNECT:
		h.how = action.Connect
		return out, h.connect(ctx, action.Connect)
	case pb.Verb_VERB_LOG:
		h.mu.Lock()
		defer h.mu.Unlock()
		out.Lines = append(out.Lines, h.lines...)
		return out, nil
	case pb.Verb_VERB_METHODS:
		out.Lines = methods()
		return out, nil
	}
	return out, h.call(ctx, action, out)
}

func (h *harness) call(ctx context.Context, action *pb.Action, out *pb.Outcome) error {
	c, id, reason := h.client, action.WorkflowId, action.Text
	options := []saga.CallOption{
		saga.RequestID(action.RequestId), saga.SignalID(reason), saga.UpdateID(reason), saga.Reason(reason),
	}
	if len(action.SagaId) > 0 {
		options = append(options, saga.Run(action.SagaId))
	}
	input, err := fromValue(action.Input)
	if err != nil {
		return err
	}
	start := saga.StartOptions{ID: id, TaskQueue: action.TaskQueue}
	event := func(event *sagapb.HistoryEvent) error {
		out.Events = append(out.Events, &pb.Event{Id: event.EventId, Code: event.EventType})
		return nil
	}
	started := func(handle *saga.Handle, err error) error {
		if err == nil {
			out.SagaId, out.AlreadyStarted = handle.SagaID, handle.AlreadyStarted
		}
		return err
	}
	var value saga.Value
	switch action.Verb {
	case pb.Verb_VERB_CLOSE:
		return c.Close()
	case pb.Verb_VERB_HEALTH:
		answer, err := c.Health(ctx, action.Echo)
		out.Value = &pb.Value{Data: answer.GetEcho()}
		return err
	case pb.Verb_VERB_START:
		return started(c.Start(ctx, action.WorkflowType, input, start, options...))
	case pb.Verb_VERB_SIGNAL_WITH_START:
		return started(c.SignalWithStart(ctx, action.WorkflowType, nil, start, action.Name, input, options...))
	case pb.Verb_VERB_SIGNAL:
		return c.Signal(ctx, id, action.Name, input, options...)
	case pb.Verb_VERB_CANCEL:
		return c.Cancel(ctx, id, reason, options...)
	case pb.Verb_VERB_TERMINATE:
		return c.Terminate(ctx, id, action.Flag, reason, options...)
	case pb.Verb_VERB_RESULT:
		if err := c.Result(ctx, id, &value, options...); err != nil {
			return err
		}
		out.Value, err = toValue(value)
		return err
	case pb.Verb_VERB_DESCRIBE:
		found, err := c.Describe(ctx, id, options...)
		out.Number = uint64(found.GetInfo().GetStatus())
		for _, waiting := range found.GetWaitingFor() {
			out.Lines = append(out.Lines, fmt.Sprint(int(waiting.Kind)))
		}
		return err
	case pb.Verb_VERB_LIST:
		filter := &sagapb.WorkflowFilter{WorkflowIdPrefix: reason}
		return c.List(ctx, filter, func(info *sagapb.WorkflowInfo) error {
			out.Lines = append(out.Lines, info.WorkflowId)
			return nil
		}, saga.PageSize(uint32(action.Number)))
	case pb.Verb_VERB_COUNT:
		out.Number, err = c.Count(ctx, &sagapb.WorkflowFilter{WorkflowIdPrefix: reason})
		return err
	case pb.Verb_VERB_HISTORY:
		return c.History(ctx, id, 0, event, options...)
	case pb.Verb_VERB_FOLLOW:
		return c.FollowHistory(ctx, id, 0, event, options...)
	case pb.Verb_VERB_PAUSE:
		return c.Pause(ctx, id, reason, options...)
	case pb.Verb_VERB_RESUME:
		return c.Resume(ctx, id, reason, options...)
	case pb.Verb_VERB_QUERY, pb.Verb_VERB_UPDATE:
		if action.Verb == pb.Verb_VERB_QUERY {
			err = c.Query(ctx, id, action.Name, input, &value, options...)
		} else {
			err = c.Update(ctx, id, action.Name, input, &value, options...)
		}
		if err == nil {
			out.Value, err = toValue(value)
		}
		return err
	case pb.Verb_VERB_RESET:
		return started(c.Reset(ctx, id, action.Number, sagapb.ResetUndo_RESET_UNDO_UNSPECIFIED, options...))
	case pb.Verb_VERB_STATE_AT:
		state, err := c.StateAt(ctx, id, action.Number, options...)
		out.Number = uint64(state.GetInfo().GetStatus())
		return err
	case pb.Verb_VERB_DELETE:
		return c.Delete(ctx, id, options...)
	case pb.Verb_VERB_LIST_BLOCKED:
		return c.ListBlocked(ctx, func(blocked *sagapb.BlockedWorkflow) error {
			out.Lines = append(out.Lines, blocked.GetInfo().GetWorkflowId())
			return nil
		})
	case pb.Verb_VERB_RETRY_UNDO:
		return c.RetryUndo(ctx, id, action.Number, options...)
	case pb.Verb_VERB_RETRY_UNDO_WITH_INPUT:
		return c.RetryUndoWithInput(ctx, id, action.Number, input, options...)
	case pb.Verb_VERB_SKIP_UNDO:
		return c.SkipUndo(ctx, id, action.Number, reason, options...)
	case pb.Verb_VERB_RESOLVE_UNDO:
		return c.ResolveUndo(ctx, id, action.Number, reason, options...)
	case pb.Verb_VERB_GIVE_UP:
		return c.GiveUp(ctx, id, reason, options...)
	case pb.Verb_VERB_LATE_EFFECTS:
		return c.LateEffects(ctx, id, func(*sagapb.LateEffect) error { out.Number++; return nil }, options...)
	case pb.Verb_VERB_SUBSCRIBE:
		return subscribe(ctx, c, action, out)
	case pb.Verb_VERB_EXPORT:
		h.exported = nil
		err := c.ExportHistory(ctx, id, func(chunk *sagapb.HistoryChunk) error {
			h.exported = append(h.exported, chunk)
			for _, each := range chunk.Events {
				_ = event(each)
			}
			return nil
		}, options...)
		out.Number = uint64(len(h.exported))
		return err
	case pb.Verb_VERB_IMPORT:
		left := h.exported
		made, err := c.ImportHistory(ctx, func() (*sagapb.HistoryChunk, error) {
			if len(left) == 0 {
				return nil, io.EOF
			}
			chunk := left[0]
			left = left[1:]
			return chunk, nil
		}, options...)
		out.SagaId, out.Number = made.GetSagaId(), made.GetEvents()
		return err
	case pb.Verb_VERB_BENCH:
		lines, err := h.measured(ctx, action)
		out.Lines = lines
		return err
	case pb.Verb_VERB_REGISTER:
		version, _, err := c.RegisterDefinition(ctx, declared(action.Text, action.WorkflowType, action.TaskQueue), options...)
		out.Number = uint64(version)
		return err
	case pb.Verb_VERB_SERVE:
		return h.serve(action)
	case pb.Verb_VERB_DRAIN:
		h.worker.Stop()
		return <-h.served
	default:
		return fmt.Errorf("unknown verb %v", action.Verb)
	}
}

var errEnough = errors.New("enough")

func subscribe(ctx context.Context, c *saga.Client, action *pb.Action, out *pb.Outcome) error {
	wanted := saga.SubscribeOptions{Position: action.Position, FromBeginning: action.Flag, EventTypes: action.EventTypes}
	if action.WorkflowType != "" {
		wanted.WorkflowTypes = []string{action.WorkflowType}
	}
	out.Position = action.Position
	err := c.Subscribe(ctx, wanted, func(item *sagapb.SubscriptionItem) error {
		for _, event := range item.Events {
			line := fmt.Sprintf("%s %s %d %d", item.WorkflowId, item.WorkflowType, event.EventId, event.EventType)
			out.Lines = append(out.Lines, line)
		}
		out.Position = item.Position
		if uint64(len(out.Lines)) >= action.Number {
			return errEnough
		}
		return nil
	})
	if errors.Is(err, errEnough) {
		return nil
	}
	return err
}

// declared makes the definitions of VERB_REGISTER.
func declared(which, name, queue string) *saga.Definition {
	if which == "everything" {
		made := saga.NewDefinition(name, saga.DefinitionOptions{TaskQueue: queue, Timeout: 10 * time.Minute, Description: "all of it"})
		made.Activity("pay", "charge", saga.StepInput([]any{"${input.n}", true}), saga.StepQueue("bank"), saga.StepAttempts(5),
			saga.StepTimeout(2500*time.Millisecond), saga.StepPivot(), saga.StepUndoWith(saga.UndoOptions{
				Activity: "refund", Input: map[string]any{"who": "${input.who}"}, TaskQueue: "desk",
				FailedStep: sagapb.UndoFailedStep_UNDO_FAILED_STEP_ALWAYS, Probe: "paid",
			}), saga.When("input.n >= 2", "input.who != nobody", "input.mail exists"))
		made.Signal("ok", "go", 1500*time.Millisecond)
		made.Timer("rest", 20*time.Millisecond, saga.When("input.n < 9"))
		made.Child("sub", "other", saga.StepInput("${input}"), saga.StepQueue("else"))
		end := made.Activity("end", "tidy")
		made.Returns(end.Output(""))
		return made
	}
	made := saga.NewDefinition(name, saga.DefinitionOptions{TaskQueue: queue})
	if which == "wrong" {
		made.Activity("a", "echo", saga.StepInput("${steps.nobody.output}"))
		return made
	}
	a := made.Activity("a", "echo", saga.StepInput(map[string]any{"n": "${input.n}"}))
	var b saga.Step
	made.Parallel(func() {
		b = made.Activity("b", "echo", saga.StepInput(map[string]any{"got": a.Output("n")}))
		made.Activity("c", "echo", saga.When("input.n > 3"))
	})
	made.Returns(map[string]any{"a": a.Output("n"), "b": b.Output("got"), "c": "${steps.c.output.n ?? 0}"})
	return made
}

func (h *harness) serve(action *pb.Action) error {
	worker, err := saga.NewWorker(h.client, saga.WorkerOptions{
		TaskQueues: []string{action.TaskQueue}, MaxConcurrent: int(action.Number), Log: func(string, ...any) {},
	})
	if err != nil {
		return err
	}
	saga.Register(worker, "program", h.program)
	saga.RegisterUndoWithResult(worker, "undo", h.undo)
	saga.Register(worker, "echo", func(_ context.Context, value saga.Value) (saga.Value, error) { return value, nil })
	h.worker, h.served = worker, make(chan error, 1)
	served := h.served
	go func() { served <- worker.Run(context.Background()) }()
	for end := time.Now().Add(10 * time.Second); !worker.Serving() && time.Now().Before(end); {
		time.Sleep(5 * time.Millisecond)
	}
	return nil
}

func describe(out *pb.Outcome, err error) {
	out.Result = "ok"
	if err == nil {
		return
	}
	out.Message = err.Error()
	var status *saga.StatusError
	var ended *saga.WorkflowError
	switch {
	case errors.As(err, &ended):
		out.Result = map[sagapb.WorkflowStatus]string{
			sagapb.WorkflowStatus_WORKFLOW_STATUS_FAILED:     "workflow_failed",
			sagapb.WorkflowStatus_WORKFLOW_STATUS_CANCELED:   "workflow_canceled",
			sagapb.WorkflowStatus_WORKFLOW_STATUS_TIMED_OUT:  "workflow_timed_out",
			sagapb.WorkflowStatus_WORKFLOW_STATUS_TERMINATED: "workflow_terminated",
		}[ended.Status]
		out.Compensation = ended.Compensation.State
		if ended.Err != nil {
			out.ErrorKind, out.ErrorCode, out.ErrorMessage = uint32(ended.Err.Kind), ended.Err.Code, ended.Err.Message
			for key, value := range ended.Err.Context {
				out.ErrorContext = append(out.ErrorContext, key+"="+value)
			}
		}
	case errors.As(err, &status):
		out.Result, out.StatusCode = "status", uint32(status.Code)
	case errors.Is(err, saga.ErrConnectionLost):
		out.Result = "connection_lost"
	case errors.Is(err, context.Canceled):
		out.Result = "cancelled"
	default:
		out.Result = "bug"
	}
}

func main() {
	in, h := bufio.NewReader(os.Stdin), &harness{}
	for {
		var head [4]byte
		if _, err := io.ReadFull(in, head[:]); err != nil {
			return
		}
		body := make([]byte, binary.BigEndian.Uint32(head[:]))
		if _, err := io.ReadFull(in, body); err != nil {
			return
		}
		action := &pb.Action{}
		if err := proto.Unmarshal(body, action); err != nil {
			panic(err)
		}
		out, err := h.act(action)
		describe(out, err)
		if body, err = proto.Marshal(out); err != nil {
			panic(err)
		}
		_, _ = os.Stdout.Write(append(binary.BigEndian.AppendUint32(nil, uint32(len(body))), body...))
	}
}
