package names

import (
	"fmt"
	"net"

	"github.com/hashicorp/go-plugin"
)

// Record is how a plugin that runs tells hosts where it is: the JSON of TF_REATTACH_PROVIDERS.
type Record struct {
	Protocol        plugin.Protocol
	ProtocolVersion int
	Pid             int
	Test            bool
	Addr            struct{ Network, String string }
}

// NewRecord writes down what go-plugin says of a plugin in test mode.
func NewRecord(config *plugin.ReattachConfig) Record {
	record := Record{
		Protocol:        config.Protocol,
		ProtocolVersion: config.ProtocolVersion,
		Pid:             config.Pid,
		Test:            config.Test,
	}
	record.Addr.Network = config.Addr.Network()
	record.Addr.String = config.Addr.String()
	return record
}

// Config is what go-plugin needs to attach.
func (r Record) Config() (*plugin.ReattachConfig, error) {
	var addr net.Addr
	var err error
	switch r.Addr.Network {
	case "unix":
		addr, err = net.ResolveUnixAddr("unix", r.Addr.String)
	case "tcp":
		addr, err = net.ResolveTCPAddr("tcp", r.Addr.String)
	default:
		err = fmt.Errorf("unknown network %q", r.Addr.Network)
	}
	return &plugin.ReattachConfig{
		Protocol:        r.Protocol,
		ProtocolVersion: r.ProtocolVersion,
		Pid:             r.Pid,
		Test:            r.Test,
		Addr:            addr,
	}, err
}
