package prove

// Python is how to verify a signed report without this program: eight lines for
// Python 3 and OpenSSL 3. Its arguments are the report and the public key.
const Python = `import base64, json, subprocess, sys
e = json.load(open(sys.argv[1])); p = base64.b64decode(e["payload"]); t = e["payloadType"].encode()
open("signed", "wb").write(b"DSSEv1 %d %s %d %s" % (len(t), t, len(p), p))
open("signature", "wb").write(base64.b64decode(e["signatures"][0]["sig"]))
subprocess.run(["openssl", "pkeyutl", "-verify", "-pubin", "-inkey", sys.argv[2], "-rawin",
                "-in", "signed", "-sigfile", "signature"], check=True)
s = json.loads(p)
print(s["subject"][0]["name"], s["predicate"]["result"], s["predicate"]["failedTests"])
`
