// SPDX-License-Identifier: BSD-2-Clause

// quic-go as the other end of interop.c: the same command line, the same cases.
package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"time"

	"github.com/lucas-clemente/quic-go"
)

const (
	alpn         = "stoq/1"
	codeOfClient = 42
	codeOfServer = 43
)

type test struct{ streams, size int }

// Key updates come by themselves in quic-go, which has no call for them; nor has it one for another
// address.
var tests = map[string]test{
	"handshake": {1, 10}, "big": {1, 100_000_000}, "streams": {200, 5000}, "resume": {1, 10},
	"close": {1, 5},
}

func settings(node string) *tls.Config {
	certificate, err := tls.LoadX509KeyPair(node+"/cert.pem", node+"/key.pem")
	if err != nil {
		panic(err)
	}
	ca, err := os.ReadFile(node + "/ca.pem")
	if err != nil {
		panic(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(ca)
	return &tls.Config{
		Certificates: []tls.Certificate{certificate}, RootCAs: pool, ClientCAs: pool,
		ClientAuth: tls.RequireAndVerifyClientCert, NextProtos: []string{alpn},
		ClientSessionCache: tls.NewLRUClientSessionCache(4),
	}
}

func echo(connection quic.Connection, stream quic.Stream) {
	head := make([]byte, 5)
	n, _ := io.ReadFull(stream, head)
	if string(head[:n]) == "close" {
		_ = connection.CloseWithError(codeOfServer, "as the client wished")
		return
	}
	_, _ = stream.Write(head[:n])
	_, _ = io.Copy(stream, stream)
	_ = stream.Close()
}

func serve(connection quic.Connection) {
	for {
		stream, err := connection.AcceptStream(context.Background())
		if err != nil {
			fmt.Printf("closed %v\n", err)
			return
		}
		go echo(connection, stream)
	}
}

func runServer(address, node string, retry bool) error {
	config := &quic.Config{MaxIncomingStreams: 100}
	config.RequireAddressValidation = func(net.Addr) bool { return retry }
	listener, err := quic.ListenAddr(address, settings(node), config)
	if err != nil {
		return err
	}
	for {
		connection, err := listener.Accept(context.Background())
		if err != nil {
			return err
		}
		go serve(connection)
	}
}

func oneStream(connection quic.Connection, payload []byte) error {
	stream, err := connection.OpenStreamSync(context.Background())
	if err != nil {
		return err
	}
	go func() {
		_, _ = stream.Write(payload)
		_ = stream.Close()
	}()
	back, err := io.ReadAll(stream)
	if err != nil {
		return err
	}
	if !bytes.Equal(back, payload) {
		return fmt.Errorf("other bytes came back: %d of %d", len(back), len(payload))
	}
	return nil
}

func converse(address string, config *tls.Config, name string) (bool, error) {
	test := tests[name]
	payload := make([]byte, test.size)
	for i := range payload {
		payload[i] = byte(i % 251)
	}
	if name == "close" {
		payload = []byte("close")
	}
	connection, err := quic.DialAddr(address, config, nil)
	if err != nil {
		return false, err
	}
	results := make(chan error, test.streams)
	for i := 0; i < test.streams; i++ {
		go func() { results <- oneStream(connection, payload) }()
	}
	for i := 0; i < test.streams; i++ {
		err = <-results
		var ended *quic.ApplicationError
		if name == "close" && errors.As(err, &ended) && ended.ErrorCode == codeOfServer {
			return false, nil
		}
		if err != nil {
			return false, err
		}
	}
	if name == "close" {
		return false, errors.New("it was not closed")
	}
	time.Sleep(300 * time.Millisecond) // for a ticket
	return connection.ConnectionState().TLS.DidResume,
		connection.CloseWithError(codeOfClient, "done")
}

func runClient(address, node, name, which string) error {
	config := settings(node)
	config.ServerName = name
	_, err := converse(address, config, which)
	if err != nil || which != "resume" {
		return err
	}
	resumed, err := converse(address, config, which)
	if err == nil && !resumed {
		err = errors.New("not resumed")
	}
	return err
}

func main() {
	address := net.JoinHostPort(os.Args[2], os.Args[3])
	if os.Args[1] == "server" {
		fmt.Println(runServer(address, os.Args[4], len(os.Args) > 5))
		os.Exit(1)
	}
	if _, known := tests[os.Args[6]]; !known {
		fmt.Printf("skipped %s: quic-go has no call for it\n", os.Args[6])
		os.Exit(77)
	}
	if err := runClient(address, os.Args[4], os.Args[5], os.Args[6]); err != nil {
		fmt.Printf("FAILED %s: %v\n", os.Args[6], err)
		os.Exit(1)
	}
	fmt.Printf("ok %s\n", os.Args[6])
}
