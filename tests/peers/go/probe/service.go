// Package probe is the service rpcplugin.probe.v1.Probe, served and called from Go.
//
// It is written by hand: every message is one of google.protobuf, so no code is generated. The
// messages come from the older import path because that is the one which both go-plugin versions
// under test can build with.
package probe

import (
	"context"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/golang/protobuf/ptypes/empty"
	"github.com/golang/protobuf/ptypes/wrappers"
	"github.com/hashicorp/go-hclog"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// ServiceName is the name of the service on the wire.
const ServiceName = "rpcplugin.probe.v1.Probe"

// MaxMessageSize is what both ends of a probe allow for one message: the large echo needs more
// than the 4 MiB that grpc-go receives by default.
const MaxMessageSize = 64 << 20

// Server does on request what a plugin may do on its own.
type Server struct {
	// Logger writes to the real standard error, so it is made before go-plugin replaces os.Stderr.
	Logger hclog.Logger
}

// Register adds the service to a gRPC server.
func (s *Server) Register(server *grpc.Server) {
	server.RegisterService(&grpc.ServiceDesc{
		ServiceName: ServiceName,
		HandlerType: (*interface{})(nil),
		Methods: []grpc.MethodDesc{
			{MethodName: "Echo", Handler: unary(s.echo)},
			{MethodName: "Blob", Handler: unary(s.blob)},
			{MethodName: "Sleep", Handler: unary(s.sleep)},
			{MethodName: "Fail", Handler: unary(s.fail)},
			{MethodName: "Print", Handler: unary(s.print)},
			{MethodName: "Log", Handler: unary(s.log)},
		},
		Streams: []grpc.StreamDesc{
			{StreamName: "Count", Handler: s.count, ServerStreams: true},
			{StreamName: "Sum", Handler: s.sum, ClientStreams: true},
			{StreamName: "Chat", Handler: s.chat, ServerStreams: true, ClientStreams: true},
		},
	}, s)
}

type unaryHandler = func(interface{}, context.Context, func(interface{}) error, grpc.UnaryServerInterceptor) (interface{}, error)

// unary does for one method what generated code would do for it.
func unary[Request, Reply any](call func(context.Context, *Request) (*Reply, error)) unaryHandler {
	return func(_ interface{}, ctx context.Context, decode func(interface{}) error, _ grpc.UnaryServerInterceptor) (interface{}, error) {
		request := new(Request)
		if err := decode(request); err != nil {
			return nil, err
		}
		return call(ctx, request)
	}
}

func (s *Server) echo(_ context.Context, request *wrappers.BytesValue) (*wrappers.BytesValue, error) {
	return request, nil
}

func (s *Server) blob(_ context.Context, request *wrappers.UInt32Value) (*wrappers.BytesValue, error) {
	return &wrappers.BytesValue{Value: make([]byte, request.GetValue())}, nil
}

func (s *Server) sleep(ctx context.Context, request *wrappers.UInt32Value) (*empty.Empty, error) {
	select {
	case <-time.After(time.Duration(request.GetValue()) * time.Millisecond):
		return &empty.Empty{}, nil
	case <-ctx.Done():
		return nil, status.FromContextError(ctx.Err()).Err()
	}
}

func (s *Server) fail(_ context.Context, request *wrappers.StringValue) (*empty.Empty, error) {
	number, message, _ := strings.Cut(request.GetValue(), ":")
	code, err := strconv.ParseUint(number, 10, 32)
	if err != nil {
		return nil, status.Errorf(codes.InvalidArgument, "not a status code: %q", number)
	}
	return nil, status.Error(codes.Code(code), message)
}

// print writes a text to one half of the stdio service; the second one is asked for by "stderr:".
func (s *Server) print(_ context.Context, request *wrappers.StringValue) (*empty.Empty, error) {
	// go-plugin has redirected these two variables to its stdio service by now.
	if text, ok := strings.CutPrefix(request.GetValue(), "stderr:"); ok {
		_, err := fmt.Fprint(os.Stderr, text)
		return &empty.Empty{}, err
	}
	_, err := fmt.Fprint(os.Stdout, request.GetValue())
	return &empty.Empty{}, err
}

func (s *Server) log(_ context.Context, request *wrappers.StringValue) (*empty.Empty, error) {
	level, message, _ := strings.Cut(request.GetValue(), ":")
	s.Logger.Log(hclog.LevelFromString(level), message)
	return &empty.Empty{}, nil
}

func (s *Server) count(_ interface{}, stream grpc.ServerStream) error {
	request := new(wrappers.UInt32Value)
	if err := stream.RecvMsg(request); err != nil {
		return err
	}
	for n := uint32(0); n < request.GetValue(); n++ {
		if err := stream.SendMsg(&wrappers.UInt32Value{Value: n}); err != nil {
			return err
		}
	}
	return nil
}

func (s *Server) sum(_ interface{}, stream grpc.ServerStream) error {
	var sum uint32
	for {
		request := new(wrappers.UInt32Value)
		err := stream.RecvMsg(request)
		if err == io.EOF {
			return stream.SendMsg(&wrappers.UInt32Value{Value: sum})
		}
		if err != nil {
			return err
		}
		sum += request.GetValue()
	}
}

func (s *Server) chat(_ interface{}, stream grpc.ServerStream) error {
	for {
		request := new(wrappers.BytesValue)
		err := stream.RecvMsg(request)
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if err := stream.SendMsg(request); err != nil {
			return err
		}
	}
}
