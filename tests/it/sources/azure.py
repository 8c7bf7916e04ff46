"""Makes the container `box` and puts blobs into it: BASE ACCOUNT KEY [[NAME, TEXT], …], by SharedKey."""
import base64, hashlib, hmac, json, sys, time, urllib.parse, urllib.request

base, account, key, objects = sys.argv[1:]


def put(path, query, headers, body):
    headers = {"x-ms-date": time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime()), "x-ms-version": "2021-12-02", **headers}
    length = str(len(body)) if body else ""
    lines = ["PUT", "", "", length, "", "application/octet-stream", "", "", "", "", "", ""]
    lines += [f"{name}:{headers[name]}" for name in sorted(headers)]
    # The emulator has the account in the path, and once more in what is signed.
    lines += [f"/{account}/{account}/{path}"] + [f"{name}:{value}" for name, value in sorted(query.items())]
    signature = base64.b64encode(hmac.new(base64.b64decode(key), "\n".join(lines).encode(), hashlib.sha256).digest()).decode()
    headers |= {"Authorization": f"SharedKey {account}:{signature}", "Content-Type": "application/octet-stream"}
    url = f"{base}/{account}/{path}" + ("?" + urllib.parse.urlencode(query) if query else "")
    urllib.request.urlopen(urllib.request.Request(url, data=body, headers=headers, method="PUT")).read()


put("box", {"restype": "container"}, {}, b"")
for name, text in json.loads(objects):
    put("box/" + urllib.parse.quote(name), {}, {"x-ms-blob-type": "BlockBlob"}, text.encode())
