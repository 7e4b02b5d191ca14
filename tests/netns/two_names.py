# SPDX-License-Identifier: BSD-2-Clause
# two_names ADDRESS PORT SUBSYSTEM NAME OTHER: an admin queue as NAME, then an I/O queue as OTHER; prints the statuses of both Connects.
import socket, struct, sys
address, port, subsystem, name, other = sys.argv[1], int(sys.argv[2]), *sys.argv[3:6]

def open_queue():
    s = socket.create_connection((address, port), timeout=20)
    s.sendall(struct.pack('<BBBBI', 0, 0, 128, 0, 128) + struct.pack('<HBBI', 0, 0, 0, 0) + bytes(112))
    read(s, 128)
    return s

def read(s, n):
    data = b''
    while len(data) < n:
        part = s.recv(n - len(data))
        if not part:
            sys.exit('closed')
        data += part
    return data

def command(s, sqe, data=b''):
    sgl = struct.pack('<QI3xB', 0, len(data), 1 if data else 0x5a)
    sqe = sqe[:24] + sgl + sqe[40:]
    s.sendall(struct.pack('<BBBBI', 4, 0, 72, 72 if data else 0, 72 + len(data)) + sqe + data)
    cqe = read(s, 24)[8:]
    return struct.unpack('<I', cqe[:4])[0], struct.unpack('<H', cqe[14:])[0] >> 1 & 0x7ff

def connect(s, qid, cntlid, host):
    sqe = bytes([0x7f, 0x40]) + struct.pack('<H', 1) + bytes([1]) + bytes(35) + struct.pack('<HHHBxI', 0, qid, 31, 0, 0) + bytes(12)
    data = b'S' * 16 + struct.pack('<H', cntlid) + bytes(238) + subsystem.encode().ljust(256, b'\0') + host.encode().ljust(256, b'\0') + bytes(256)
    return command(s, sqe, data)

def property_set(s, offset, value):
    sqe = bytes([0x7f, 0x40]) + struct.pack('<H', 2) + bytes([0]) + bytes(35) + struct.pack('<B3xIQ', 0, offset, value) + bytes(8)
    return command(s, sqe)

admin = open_queue()
cntlid, status = connect(admin, 0, 0xffff, name)
print('%03x' % status)
property_set(admin, 0x14, 0x00460001)
_, status = connect(open_queue(), 1, cntlid, other)
print('%03x' % status)
