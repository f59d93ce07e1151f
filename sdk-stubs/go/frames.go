package saga

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
)

// Frames: twelve bytes of header and a body.
//
//	0        4      5      6        8            12
//	| length | kind | flags| method | stream id  | body ...            big endian

type kind uint8

const (
	kindHello kind = iota + 1
	kindWelcome
	kindRequest
	kindResponse
	kindError
	kindItem
	kindEnd
	kindCancel
	kindCredit
	kindPing
	kindPong
	kindGoAway
)

const (
	frameOverhead     = 8 // bytes that the length counts beside the body
	frameHeader       = 12
	defaultMaxFrame   = 65_536
	defaultMaxMessage = 4 << 20
	windowItems       = 64
	windowBytes       = 256 << 10
	flagMore          = 2 // the message continues in the next frame of the same stream
)

type frame struct {
	kind   kind
	more   bool
	method uint16
	stream uint32
	body   []byte
}

func appendFrame(to []byte, k kind, stream uint32, body []byte, method uint16, more bool) []byte {
	var flags byte
	if more {
		flags = flagMore
	}
	to = binary.BigEndian.AppendUint32(to, uint32(len(body)+frameOverhead))
	to = append(to, byte(k), flags)
	to = binary.BigEndian.AppendUint16(to, method)
	to = binary.BigEndian.AppendUint32(to, stream)
	return append(to, body...)
}

// readFrame reads one frame, and refuses a bad one before anything is allocated for it.
func readFrame(from *bufio.Reader, maxFrame uint32) (frame, error) {
	var head [frameHeader]byte
	if _, err := io.ReadFull(from, head[:]); err != nil {
		return frame{}, err
	}
	length := binary.BigEndian.Uint32(head[:])
	if length < frameOverhead || length > maxFrame {
		return frame{}, fmt.Errorf("a frame of length %d (%d to %d are allowed)", length, frameOverhead, maxFrame)
	}
	made := frame{
		kind: kind(head[4]), more: head[5]&flagMore != 0,
		method: binary.BigEndian.Uint16(head[6:]), stream: binary.BigEndian.Uint32(head[8:]),
	}
	if head[5]&^flagMore != 0 {
		return frame{}, fmt.Errorf("unknown frame flags %#x", head[5])
	}
	if made.kind < kindHello || made.kind > kindGoAway {
		return frame{}, fmt.Errorf("unknown frame kind %d", made.kind)
	}
	made.body = make([]byte, length-frameOverhead)
	_, err := io.ReadFull(from, made.body)
	return made, err
}

// assembler joins the frames of the messages of one stream, within a limit.
type assembler struct {
	kind  kind
	parts []byte
}

// add gives the whole message, or false while it is incomplete.
func (a *assembler) add(f frame, maxMessage uint32) ([]byte, bool, error) {
	if a.kind == 0 && !f.more {
		return f.body, true, nil
	}
	if a.kind != 0 && f.kind != a.kind {
		// Only an ERROR may cut off a message that was under way.
		if f.kind != kindError {
			return nil, false, fmt.Errorf("frame kind %d within another message of the stream", f.kind)
		}
		a.parts = nil
	}
	a.kind = f.kind
	if uint64(len(a.parts))+uint64(len(f.body)) > uint64(maxMessage) {
		return nil, false, fmt.Errorf("a message of more than %d bytes", maxMessage)
	}
	a.parts = append(a.parts, f.body...)
	if f.more {
		return nil, false, nil
	}
	whole := a.parts
	a.kind, a.parts = 0, nil
	return whole, true, nil
}
