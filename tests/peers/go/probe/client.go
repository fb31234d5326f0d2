package probe

import (
	"context"
	"io"

	"github.com/golang/protobuf/ptypes/empty"
	"github.com/golang/protobuf/ptypes/wrappers"
	"google.golang.org/grpc"
)

// Client calls the service.
type Client struct {
	// Conn is the connection to the plugin.
	Conn *grpc.ClientConn
}

func (c Client) invoke(ctx context.Context, method string, request, reply interface{}, options ...grpc.CallOption) error {
	return c.Conn.Invoke(ctx, "/"+ServiceName+"/"+method, request, reply, options...)
}

// Echo sends data and returns what came back.
func (c Client) Echo(ctx context.Context, data []byte, options ...grpc.CallOption) ([]byte, error) {
	reply := new(wrappers.BytesValue)
	err := c.invoke(ctx, "Echo", &wrappers.BytesValue{Value: data}, reply, options...)
	return reply.GetValue(), err
}

// Do calls one of the methods that take a text and answer with nothing.
func (c Client) Do(ctx context.Context, method, text string) error {
	return c.invoke(ctx, method, &wrappers.StringValue{Value: text}, new(empty.Empty))
}

// Count returns all numbers of the stream.
func (c Client) Count(ctx context.Context, n uint32) ([]uint32, error) {
	stream, err := c.Conn.NewStream(ctx, &grpc.StreamDesc{ServerStreams: true}, "/"+ServiceName+"/Count")
	if err != nil {
		return nil, err
	}
	if err := stream.SendMsg(&wrappers.UInt32Value{Value: n}); err != nil {
		return nil, err
	}
	if err := stream.CloseSend(); err != nil {
		return nil, err
	}
	var numbers []uint32
	for {
		reply := new(wrappers.UInt32Value)
		err := stream.RecvMsg(reply)
		if err == io.EOF {
			return numbers, nil
		}
		if err != nil {
			return numbers, err
		}
		numbers = append(numbers, reply.GetValue())
	}
}

// Sum streams the numbers and returns their sum as the plugin saw it.
func (c Client) Sum(ctx context.Context, numbers ...uint32) (uint32, error) {
	stream, err := c.Conn.NewStream(ctx, &grpc.StreamDesc{ClientStreams: true}, "/"+ServiceName+"/Sum")
	if err != nil {
		return 0, err
	}
	for _, n := range numbers {
		if err := stream.SendMsg(&wrappers.UInt32Value{Value: n}); err != nil {
			return 0, err
		}
	}
	if err := stream.CloseSend(); err != nil {
		return 0, err
	}
	reply := new(wrappers.UInt32Value)
	err = stream.RecvMsg(reply)
	return reply.GetValue(), err
}

// Chat sends each message only after the answer to the one before, and returns the answers.
func (c Client) Chat(ctx context.Context, messages ...string) ([]string, error) {
	stream, err := c.Conn.NewStream(ctx, &grpc.StreamDesc{ServerStreams: true, ClientStreams: true}, "/"+ServiceName+"/Chat")
	if err != nil {
		return nil, err
	}
	var answers []string
	for _, message := range messages {
		if err := stream.SendMsg(&wrappers.BytesValue{Value: []byte(message)}); err != nil {
			return answers, err
		}
		reply := new(wrappers.BytesValue)
		if err := stream.RecvMsg(reply); err != nil {
			return answers, err
		}
		answers = append(answers, string(reply.GetValue()))
	}
	if err := stream.CloseSend(); err != nil {
		return answers, err
	}
	if err := stream.RecvMsg(new(wrappers.BytesValue)); err != io.EOF {
		return answers, err
	}
	return answers, nil
}
