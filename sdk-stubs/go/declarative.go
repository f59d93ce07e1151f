package saga

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"saga.engine/sdk/sagapb"
)

// Definition is a saga as data: built here, run by the server with no workflow worker.
//
//	trip := saga.NewDefinition("trip", saga.DefinitionOptions{TaskQueue: "travel"})
//	flight := trip.Activity("flight", "bookFlight", saga.StepUndo("cancelFlight"))
//	trip.Parallel(func() {
//		trip.Activity("hotel", "bookHotel", saga.StepInput(map[string]any{"nights": "${input.nights}"}), saga.StepUndo("cancelHotel"))
//		trip.Activity("car", "bookCar", saga.StepInput(map[string]any{"flight": flight.Output("number")}), saga.StepUndo("cancelCar"))
//	})
//	trip.Returns(map[string]any{"flight": flight.Output("number")})
//	version, _, err := client.RegisterDefinition(ctx, trip)
//
// Texts in inputs refer to values: `${input.path}`, `${steps.ID.output.path}`, `${path ?? default}`. What cannot be said (an
// input that is no JSON, a condition that does not read) is kept and returned by Message and RegisterDefinition.
type Definition struct {
	message *sagapb.SagaDefinition
	group   string
	groups  int
	err     error
}

// ErrDefinition is what a definition that says something impossible ends with.
var ErrDefinition = errors.New("saga: definition")

// DefinitionOptions are what a definition says of all its steps.
type DefinitionOptions struct {
	// TaskQueue of steps that name none. Empty = `default`.
	TaskQueue string
	// Timeout after which a run is undone. 0 = never.
	Timeout time.Duration
	// Description for people.
	Description string
}

// NewDefinition begins a definition; its name is the workflow type.
func NewDefinition(name string, options DefinitionOptions) *Definition {
	return &Definition{message: &sagapb.SagaDefinition{
		Name: name, TaskQueue: options.TaskQueue, ExecutionTimeoutUs: options.Timeout.Microseconds(), Description: options.Description,
	}}
}

// Step is a step of a definition.
type Step struct{ ID string }

// Output refers to what the step returned, or to a part of it; an empty path is the whole.
func (s Step) Output(path string) string {
	if path != "" {
		path = "." + path
	}
	return "${steps." + s.ID + ".output" + path + "}"
}

// StepOption is one thing said about a step.
type StepOption func(*Definition, *sagapb.StepDefinition)

// UndoOptions says how a step is undone, where an activity's name is not enough.
type UndoOptions struct {
	Activity string
	// Input comes to the undo as its data; it may also refer to `${output...}`, `${outcome}` and `${key}` of the step.
	Input     any
	TaskQueue string
	// FailedStep says whether a step that failed is undone. Default: if its outcome is unknown.
	FailedStep sagapb.UndoFailedStep
	// Probe is an activity that finds out whether a step of unknown outcome happened.
	Probe string
}

// StepInput is what an activity or child receives. Default: the start input.
func StepInput(value any) StepOption {
	return func(d *Definition, step *sagapb.StepDefinition) {
		if activity := step.GetActivity(); activity != nil {
			activity.Input = d.template(value)
		} else if child := step.GetChild(); child != nil {
			child.Input = d.template(value)
		} else {
			d.fail(fmt.Errorf("step %s takes no input", step.Id))
		}
	}
}

// StepUndo has the step undone by an activity.
func StepUndo(activity string) StepOption { return StepUndoWith(UndoOptions{Activity: activity}) }

// StepUndoWith has the step undone.
func StepUndoWith(undo UndoOptions) StepOption {
	return onActivity("undo", func(d *Definition, step *sagapb.ActivityStep) {
		if undo.FailedStep == 0 {
			undo.FailedStep = sagapb.UndoFailedStep_UNDO_FAILED_STEP_IF_UNKNOWN
		}
		step.Undo = &sagapb.UndoSpec{
			ActivityType: undo.Activity, TaskQueue: undo.TaskQueue, UndoFailedStep: undo.FailedStep, ProbeActivityType: undo.Probe,
		}
		if undo.Input != nil {
			step.UndoInput = d.json(undo.Input)
		}
	})
}

// StepQueue names the queue of an activity or child.
func StepQueue(queue string) StepOption {
	return func(d *Definition, step *sagapb.StepDefinition) {
		if child := step.GetChild(); child != nil {
			child.TaskQueue = queue
			return
		}
		onActivity("queue", func(_ *Definition, step *sagapb.ActivityStep) { step.TaskQueue = queue })(d, step)
	}
}

// StepAttempts is how often an activity is tried. Default 3.
func StepAttempts(attempts uint32) StepOption {
	return onActivity("attempts", func(_ *Definition, step *sagapb.ActivityStep) {
		step.Retry = &sagapb.RetryPolicy{
			MaximumAttempts: attempts, InitialIntervalUs: 1_000_000, BackoffCoefficient: 2, MaximumIntervalUs: 60_000_000, Jitter: 0.1,
		}
	})
}

// StepTimeout is how long an attempt may take. Default 300 s.
func StepTimeout(timeout time.Duration) StepOption {
	return onActivity("timeout", func(_ *Definition, step *sagapb.ActivityStep) {
		step.Timeouts = &sagapb.ActivityTimeouts{StartToCloseUs: timeout.Microseconds()}
	})
}

// StepPivot: when it completes, earlier steps are not undone any more.
func StepPivot() StepOption {
	return onActivity("pivot", func(_ *Definition, step *sagapb.ActivityStep) { step.Pivot = true })
}

// When leaves the step out unless all hold, such as `input.n > 3` or `steps.pay.output.state exists`.
func When(conditions ...string) StepOption {
	return func(d *Definition, step *sagapb.StepDefinition) {
		for _, text := range conditions {
			condition, err := parseCondition(text)
			d.fail(err)
			step.Conditions = append(step.Conditions, condition)
		}
	}
}

func onActivity(what string, change func(*Definition, *sagapb.ActivityStep)) StepOption {
	return func(d *Definition, step *sagapb.StepDefinition) {
		if activity := step.GetActivity(); activity != nil {
			change(d, activity)
		} else {
			d.fail(fmt.Errorf("step %s is no activity and has no %s", step.Id, what))
		}
	}
}

// Parallel runs the steps that body makes at the same time.
func (d *Definition) Parallel(body func()) {
	d.groups++
	d.group = fmt.Sprintf("parallel %d", d.groups)
	defer func() { d.group = "" }()
	body()
}

// Activity runs an activity.
func (d *Definition) Activity(id, activityType string, options ...StepOption) Step {
	return d.add(id, &sagapb.StepDefinition{Kind: &sagapb.StepDefinition_Activity{Activity: &sagapb.ActivityStep{ActivityType: activityType}}}, options)
}

// Signal waits for a signal; its data is the step's output. When within passes (0 = never), the saga fails.
func (d *Definition) Signal(id, name string, within time.Duration, options ...StepOption) Step {
	signal := &sagapb.SignalStep{Name: name, TimeoutUs: within.Microseconds()}
	return d.add(id, &sagapb.StepDefinition{Kind: &sagapb.StepDefinition_Signal{Signal: signal}}, options)
}

// Timer waits.
func (d *Definition) Timer(id string, delay time.Duration, options ...StepOption) Step {
	return d.add(id, &sagapb.StepDefinition{Kind: &sagapb.StepDefinition_Timer{Timer: &sagapb.TimerStep{DelayUs: delay.Microseconds()}}}, options)
}

// Child runs another workflow or definition as a part of this saga.
func (d *Definition) Child(id, workflowType string, options ...StepOption) Step {
	return d.add(id, &sagapb.StepDefinition{Kind: &sagapb.StepDefinition_Child{Child: &sagapb.ChildStep{WorkflowType: workflowType}}}, options)
}

// Returns says what the saga returns; without it, the outputs of its steps by their ids.
func (d *Definition) Returns(value any) { d.message.Output = d.template(value) }

// Message is what goes over the wire.
func (d *Definition) Message() (*sagapb.SagaDefinition, error) { return d.message, d.err }

func (d *Definition) add(id string, step *sagapb.StepDefinition, options []StepOption) Step {
	step.Id, step.Group = id, d.group
	for _, option := range options {
		option(d, step)
	}
	d.message.Steps = append(d.message.Steps, step)
	return Step{ID: id}
}

func (d *Definition) fail(err error) {
	if d.err == nil && err != nil {
		d.err = fmt.Errorf("%w %s: %s", ErrDefinition, d.message.Name, err)
	}
}

func (d *Definition) json(value any) string {
	data, err := json.Marshal(value)
	d.fail(err)
	return string(data)
}

func (d *Definition) template(value any) *sagapb.InputTemplate {
	if value == "${input}" {
		return &sagapb.InputTemplate{Source: &sagapb.InputTemplate_StartInput{StartInput: true}}
	}
	return &sagapb.InputTemplate{Source: &sagapb.InputTemplate_Template{Template: d.json(value)}}
}

var comparisons = map[string]sagapb.ConditionOp{
	"==": sagapb.ConditionOp_CONDITION_OP_EQUAL, "!=": sagapb.ConditionOp_CONDITION_OP_NOT_EQUAL,
	"<": sagapb.ConditionOp_CONDITION_OP_LESS, "<=": sagapb.ConditionOp_CONDITION_OP_LESS_OR_EQUAL,
	">": sagapb.ConditionOp_CONDITION_OP_GREATER, ">=": sagapb.ConditionOp_CONDITION_OP_GREATER_OR_EQUAL,
}

func parseCondition(text string) (*sagapb.Condition, error) {
	path, rest, _ := strings.Cut(strings.TrimSpace(text), " ")
	word, value, _ := strings.Cut(strings.TrimSpace(rest), " ")
	value = strings.TrimSpace(value)
	if word == "exists" && value == "" {
		return &sagapb.Condition{Path: path, Op: sagapb.ConditionOp_CONDITION_OP_EXISTS}, nil
	}
	op, known := comparisons[word]
	if !known || value == "" {
		return nil, fmt.Errorf("a condition is PATH == VALUE (or !=, <, <=, >, >=) or PATH exists, not %q", text)
	}
	if !json.Valid([]byte(value)) {
		quoted, err := json.Marshal(value)
		if err != nil {
			return nil, err
		}
		value = string(quoted)
	}
	return &sagapb.Condition{Path: path, Op: op, Value: value}, nil
}

// RegisterDefinition stores a definition; its version, and whether the same was stored before. A changed one is the next version.
func (c *Client) RegisterDefinition(ctx context.Context, definition *Definition, options ...CallOption) (version uint32, unchanged bool, err error) {
	message, err := definition.Message()
	if err != nil {
		return 0, false, err
	}
	answer, err := c.Definitions.Register(ctx, &sagapb.RegisterDefinitionRequest{Definition: message}, options...)
	if err != nil {
		return 0, false, err
	}
	return answer.Version, answer.Unchanged, nil
}

// ValidateDefinition tells everything that is wrong with a definition; nothing is stored.
func (c *Client) ValidateDefinition(ctx context.Context, definition *Definition, options ...CallOption) ([]*sagapb.DefinitionProblem, error) {
	message, err := definition.Message()
	if err != nil {
		return nil, err
	}
	answer, err := c.Definitions.Validate(ctx, &sagapb.ValidateDefinitionRequest{Definition: message}, options...)
	if err != nil {
		return nil, err
	}
	return answer.Problems, nil
}
