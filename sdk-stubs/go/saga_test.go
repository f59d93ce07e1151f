package saga

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"google.golang.org/protobuf/proto"

	"saga.engine/sdk/sagapb"
)

func frames(t *testing.T, data []byte) ([]frame, error) {
	t.Helper()
	reader := bufio.NewReader(bytes.NewReader(data))
	var made []frame
	for {
		f, err := readFrame(reader, defaultMaxFrame)
		if errors.Is(err, io.EOF) {
			return made, nil
		}
		if err != nil {
			return made, err
		}
		made = append(made, f)
	}
}

func TestFramesComeBack(t *testing.T) {
	data := appendFrame(nil, kindRequest, 7, []byte("body"), 256, true)
	data = appendFrame(data, kindPing, 0, make([]byte, 8), 0, false)
	made, err := frames(t, data)
	if err != nil || len(made) != 2 {
		t.Fatal(made, err)
	}
	if f := made[0]; f.kind != kindRequest || f.stream != 7 || f.method != 256 || !f.more || string(f.body) != "body" {
		t.Fatal(f)
	}
}

func TestWhatIsNoFrameIsRefused(t *testing.T) {
	good := appendFrame(nil, kindItem, 1, nil, 0, false)
	for _, change := range []struct {
		at    int
		value byte
	}{{4, 0}, {4, 13}, {4, 99}, {5, 1}, {5, 128}, {3, 7}, {0, 1}} {
		broken := append([]byte{}, good...)
		broken[change.at] = change.value
		if _, err := frames(t, broken); err == nil {
			t.Errorf("%v was taken", change)
		}
	}
}

func TestMessagesAreJoinedWithinTheirLimit(t *testing.T) {
	var a assembler
	if _, whole, err := a.add(frame{kind: kindItem, more: true, body: make([]byte, 6)}, 10); whole || err != nil {
		t.Fatal(whole, err)
	}
	if _, _, err := a.add(frame{kind: kindItem, more: true, body: make([]byte, 6)}, 10); err == nil {
		t.Fatal("twelve bytes in a message of ten")
	}
	a = assembler{}
	_, _, _ = a.add(frame{kind: kindItem, more: true, body: []byte("a")}, 10)
	if _, _, err := a.add(frame{kind: kindResponse}, 10); err == nil {
		t.Fatal("another kind within a message")
	}
	a = assembler{}
	_, _, _ = a.add(frame{kind: kindItem, more: true, body: []byte("a")}, 10)
	if body, whole, err := a.add(frame{kind: kindError, body: []byte("e")}, 10); !whole || err != nil || string(body) != "e" {
		t.Fatal(body, whole, err)
	}
}

func TestValuesComeBack(t *testing.T) {
	v := values{}
	for _, value := range []any{"ü", 1.5, true, nil, []any{1.0, map[string]any{"a": []any{}}}} {
		payload, err := v.encode(value)
		if err != nil {
			t.Fatal(err)
		}
		var back any
		if err := v.decode(payload, &back); err != nil {
			t.Fatal(err)
		}
		again, err := v.encode(back)
		if err != nil || !proto.Equal(payload, again) {
			t.Fatal(payload, again, err)
		}
	}
	payload, _ := v.encode([]byte{0, 255})
	var raw []byte
	if err := v.decode(payload, &raw); err != nil || !bytes.Equal(raw, []byte{0, 255}) {
		t.Fatal(raw, err)
	}
	payload, _ = v.encode(&sagapb.WorkflowRef{WorkflowId: "x"})
	var message *sagapb.WorkflowRef
	if err := v.decode(payload, &message); err != nil || message.WorkflowId != "x" {
		t.Fatal(message, err)
	}
	var number int
	if err := v.decode(payload, &number); err == nil {
		t.Fatal("protobuf as a number")
	}
	if err := v.decode(nil, &number); err != nil || number != 0 {
		t.Fatal(number, err)
	}
	var value Value
	if err := v.decode(payload, &value); err != nil {
		t.Fatal(err)
	}
	if again, err := v.encode(value); err != nil || !proto.Equal(again, payload) {
		t.Fatal(again, err)
	}
}

func TestErrorsCrossTheWire(t *testing.T) {
	long := &Error{
		Code: "C", Message: "no\x00\xff" + strings.Repeat("ü", 5_000), Context: map[string]string{"k": "v"}, NonRetryable: true, Details: 7,
	}
	message, err := long.message(values{})
	if err != nil || len(message.Message) > 4_096 || !utf8.ValidString(message.Message) || strings.Contains(message.Message, "\x00") {
		t.Fatal(len(message.Message), err)
	}
	if message.Kind != sagapb.ErrorKind_ERROR_KIND_ACTIVITY_EXECUTION {
		t.Fatal(message.Kind)
	}
	back := errorFrom(message, values{})
	details, ok := back.Details.(Value)
	var number int
	if !ok || details.Get(&number) != nil || number != 7 || back.Code != "C" || back.Context["k"] != "v" || !back.NonRetryable {
		t.Fatal(back)
	}
}

func TestErrorsAreWhatGoExpects(t *testing.T) {
	status := &StatusError{Code: sagapb.StatusCode_STATUS_CODE_DEADLINE_EXCEEDED, Message: "late"}
	if !errors.Is(status, context.DeadlineExceeded) || !errors.Is(lost("x"), ErrConnectionLost) {
		t.Fatal("errors.Is")
	}
	ended := &WorkflowError{WorkflowID: "w", Status: sagapb.WorkflowStatus_WORKFLOW_STATUS_FAILED, Err: DomainError("C", "no")}
	var known *Error
	if !errors.As(ended, &known) || known.Code != "C" || !strings.Contains(ended.Error(), "w failed: C: no") {
		t.Fatal(ended)
	}
	if !errors.As(NoEffect(known), &known) {
		t.Fatal("NoEffect hides its error")
	}
}

func TestMethodNumbersAreUnique(t *testing.T) {
	seen := map[uint16]string{}
	for name, method := range Methods {
		if seen[method.Number] != "" || method.Name != name || method.newResponse() == nil {
			t.Fatal(name, method.Number, seen[method.Number])
		}
		seen[method.Number] = name
	}
}

func TestPlainTextIsForLoopbackOnly(t *testing.T) {
	if _, err := Dial(context.Background(), "192.0.2.1:7233", WithInsecure()); err == nil || errors.Is(err, ErrConnectionLost) {
		t.Fatal(err)
	}
	if _, err := Dial(context.Background(), "localhost:1", WithCAFile("/nowhere")); err == nil || errors.Is(err, ErrConnectionLost) {
		t.Fatal(err)
	}
}

func TestADefinitionThatSaysSomethingImpossibleIsRefused(t *testing.T) {
	for _, option := range []StepOption{When("input.n is large"), When("input.n =="), StepInput(func() {})} {
		made := NewDefinition("d", DefinitionOptions{})
		made.Activity("a", "echo", option)
		if _, err := made.Message(); !errors.Is(err, ErrDefinition) {
			t.Errorf("%v is not refused", err)
		}
	}
	made := NewDefinition("d", DefinitionOptions{})
	made.Timer("t", time.Second, StepPivot())
	if _, err := made.Message(); !errors.Is(err, ErrDefinition) {
		t.Errorf("a timer that is a pivot: %v", err)
	}
}

// Where a feed is without events is told in its turn.
func TestAFeedTellsWhereItIsWithoutEvents(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	go func() {
		socket, err := listener.Accept()
		if err != nil {
			return
		}
		defer socket.Close()
		reader := bufio.NewReader(socket)
		for {
			f, err := readFrame(reader, defaultMaxFrame)
			if err != nil {
				return
			}
			var out []byte
			switch f.kind {
			case kindHello:
				out = appendFrame(nil, kindWelcome, 0, nil, 0, false)
			case kindRequest:
				for number := byte(1); number <= 4; number++ {
					item := &sagapb.SubscriptionItem{Position: []byte{number}}
					if number%2 == 0 {
						item.Events = []*sagapb.HistoryEvent{{EventId: uint64(number)}}
					}
					body, _ := proto.Marshal(item)
					out = appendFrame(out, kindItem, f.stream, body, 0, false)
				}
			}
			if _, err := socket.Write(out); err != nil {
				return
			}
		}
	}()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	client, err := Dial(ctx, listener.Addr().String(), WithInsecure())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	var seen []string
	enough := errors.New("enough")
	wanted := SubscribeOptions{OnPosition: func(position []byte) { seen = append(seen, fmt.Sprint("at ", position[0])) }}
	err = client.Subscribe(ctx, wanted, func(item *sagapb.SubscriptionItem) error {
		seen = append(seen, fmt.Sprint("item ", item.Position[0]))
		if item.Position[0] == 4 {
			return enough
		}
		return nil
	})
	if !errors.Is(err, enough) || !reflect.DeepEqual(seen, []string{"at 1", "item 2", "at 3", "item 4"}) {
		t.Fatal(seen, err)
	}
}
