#!/usr/bin/env python3
"""Raw-socket HTTP/1.1 cases against a running server. Standard library only.

  run_http_cases.py --host 127.0.0.1 --port 8080 [--get-path /health] [--post-path /echo]
     [--header "Authorization: Bearer x"] [--level want|rfc] [--only REGEX] [--skip-slow] [--jobs 24]
     [--json out.json] [--tls] [-v]

The cases use the paths /__get__ and /__post__ (8 bytes or so); they are replaced by --get-path and --post-path.
The tested server needs: header deadline and idle limit <= 3 s, body deadline <= 10 s, body limit 1 MiB,
header limit <= 64 KiB.
"ok" in a case means: the request was framed as meant and the application answered (2xx, 401, 403, 404, 405, 415, 422).
Exit code 0 when all passed."""
import argparse,base64,concurrent.futures as cf,json,os,re,socket,ssl,struct,sys,time,zlib
A=argparse.ArgumentParser()
A.add_argument("--host",default="127.0.0.1");A.add_argument("--port",type=int,required=True)
A.add_argument("--cases",default=os.path.join(os.path.dirname(os.path.abspath(__file__)),"cases.jsonl"))
A.add_argument("--get-path",default="/__get__");A.add_argument("--post-path",default="/__post__")
A.add_argument("--header",action="append",default=[]);A.add_argument("--level",choices=["want","rfc"],default="want")
A.add_argument("--only");A.add_argument("--skip-slow",action="store_true");A.add_argument("--jobs",type=int,default=24)
A.add_argument("--wait",type=float,default=2.0,help="most seconds to the first answer where the case names none")
A.add_argument("--idle",type=float,default=0.35,help="quiet time after which an open connection counts as finished")
A.add_argument("--json");A.add_argument("--tls",action="store_true");A.add_argument("-v",action="store_true")
a=A.parse_args()
OK={401,403,404,405,415,422}
def okst(s,allowed):
    for x in allowed:
        if x=="ok" and (200<=s<300 or s in OK): return True
        if x==s or (isinstance(x,str) and x.endswith("xx") and str(s)[0]==x[0]): return True
    return False
def conn():
    s=socket.create_connection((a.host,a.port),timeout=5); s.setsockopt(socket.IPPROTO_TCP,socket.TCP_NODELAY,1)
    if a.tls:
        c=ssl.create_default_context(); c.check_hostname=False; c.verify_mode=ssl.CERT_NONE; s=c.wrap_socket(s)
    return s
def blob(d):
    b=base64.b64decode(d["raw"]) if "raw" in d else zlib.decompress(base64.b64decode(d["raw_z"]))
    b=b.replace(b"/__get__",a.get_path.encode()).replace(b"/__post__",a.post_path.encode())
    # Not into /smuggled: it stands inside bodies, whose length is fixed.
    if a.header: b=re.sub(rb"(?<!/smuggled HTTP/1\.1\r\n)Host: t\r\n",lambda m:m[0]+b"".join(h.encode()+b"\r\n" for h in a.header),b)
    return b
class Parser:
    """Reads a response stream; statuses, interim ones, whether it stopped inside a response."""
    def __init__(s,head): s.b=b"";s.final=[];s.interim=[];s.bad=None;s.state="head";s.need=0;s.head=head;s.all=b""
    def feed(s,d):
        s.all=(s.all+d)[:200000]; s.b+=d
        while s.step(): pass
    def step(s):
        if s.bad: return False
        if s.state=="head":
            i=s.b.find(b"\r\n\r\n")
            if i<0:
                if s.b and not b"HTTP/1."[:len(s.b[:7])]==s.b[:7]: s.bad="not-http:"+repr(s.b[:40])
                return False
            h=s.b[:i].split(b"\r\n"); s.b=s.b[i+4:]
            m=re.match(rb"HTTP/1\.[01] (\d{3})",h[0])
            if not m: s.bad="not-http:"+repr(h[0][:40]); return False
            st=int(m[1]); hs={}
            for l in h[1:]:
                k,_,v=l.partition(b":"); hs.setdefault(k.strip().lower(),[]).append(v.strip())
            if st<200 and st!=101: s.interim.append(st); return True
            s.final.append(st)
            nobody=st in(204,304) or (s.head and len(s.final)==1)
            if len(hs.get(b"content-length",[]))>1: s.bad="two-CL-in-answer"
            if nobody: s.state="head"
            elif b"transfer-encoding" in hs: s.state="chunk"
            elif b"content-length" in hs: s.need=int(hs[b"content-length"][0]); s.state="body"
            else: s.state="eof"
            return True
        if s.state=="body":
            n=min(s.need,len(s.b)); s.b=s.b[n:]; s.need-=n
            if s.need==0: s.state="head"; return bool(s.b)
            return False
        if s.state=="chunk":
            i=s.b.find(b"\r\n")
            if i<0: return False
            try: n=int(s.b[:i].split(b";")[0],16)
            except ValueError: s.bad="bad-chunk-in-answer"; return False
            if n==0:
                if s.b[i+2:i+4]!=b"\r\n": return False
                s.b=s.b[i+4:]; s.state="head"; return True
            if len(s.b)<i+2+n+2: return False
            s.b=s.b[i+2+n+2:]; return True
        s.b=b""; return False
    def between(s): return s.state=="head" and not s.b
def run(case):
    w=case.get("rfc") if a.level=="rfc" and case.get("rfc") is not None else case["want"]
    p=Parser(case.get("head")); closed=None; t0=time.monotonic(); first=None; idle=[]; err=""
    steps=case.get("steps") or [{k:case[k] for k in("raw","raw_z") if k in case}]
    cap=max(w.get("within",0),w.get("within_close",0),a.wait)
    def recv(sk,t):
        nonlocal closed,first
        sk.settimeout(max(t,0.001))
        try: d=sk.recv(65536)
        except (socket.timeout,ssl.SSLWantReadError): return None
        except OSError: closed="rst"; d=b""
        if first is None: first=time.monotonic()-t0
        if d==b"" : closed=closed or "fin"; return b""
        p.feed(d); return d
    try: s=conn()
    except OSError as e: return dict(id=case["id"],got="no-connect",pas=False,why=str(e))
    rst=False
    try:
        for st in steps:
            if closed: break
            if "raw" in st or "raw_z" in st:
                d=blob(st)
                for i in range(st.get("count",1)):
                    try: 
                        if len(d)>100000:
                            s.settimeout(3)
                            for o in range(0,len(d),65536):
                                s.sendall(d[o:o+65536])
                                if recv(s,0.001)==b"": break
                        else: s.settimeout(3); s.sendall(d)
                    except (OSError,ssl.SSLError) as e: err=type(e).__name__; break
                    if st.get("every"): 
                        if recv(s,st["every"])==b"": break
                        t=t0
                    elif st.get("count",1)>1 and recv(s,0.001)==b"": break
                if err and not closed:
                    while recv(s,0.3): pass
                    closed=closed or "rst"
            elif "sleep" in st:
                e=time.monotonic()+st["sleep"]
                while time.monotonic()<e and not closed:
                    recv(s,e-time.monotonic())
            elif "half_close" in st:
                if a.tls: pass
                else:
                    try: s.shutdown(socket.SHUT_WR)
                    except OSError: pass
            elif "read" in st: recv(s,1)
            elif "open_idle" in st:
                for i in range(st["open_idle"]): idle.append(conn())
            elif "rst" in st:
                s.setsockopt(socket.SOL_SOCKET,socket.SO_LINGER,struct.pack("ii",1,0)); s.close(); rst=True; break
        end=t0+cap; last=time.monotonic()
        if steps and any("every" in x for x in steps): end=max(end,time.monotonic()+a.idle)
        while not rst and not closed:
            now=time.monotonic()
            if now>=end+ (3 if p.final and not p.between() else 0): break
            d=recv(s,min(0.1,max(end-now,.01)))
            if d: last=time.monotonic()
            if d is None and p.final and p.between() and time.monotonic()-last>a.idle and not (w.get("close") and time.monotonic()<end) : break
            if d is None and p.bad: break
    except OSError as e: err=type(e).__name__; closed=closed or "rst"
    finally:
        if not rst: s.close()
    for i in idle: i.close() if not w.get("alive") else None
    total=time.monotonic()-t0
    why=[]
    if w.get("alive"):
        try:
            q=conn(); q.sendall(blob({"raw":base64.b64encode(b"GET /__get__ HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n")})); q.settimeout(5); d=q.recv(100); q.close()
            if not d.startswith(b"HTTP/1.1"): why.append("probe after the case failed")
        except OSError as e: why.append("server not answering: %s"%e)
        for i in idle: i.close()
        got="alive" if not why else "DEAD"
    else:
        f=p.final; n=len(f)
        got=("|".join(map(str,f[:4]))+("..x%d"%n if n>4 else "") if f else "none")+("" if not p.interim else "+100")+(" close" if closed else " open")+("" if not p.bad else " "+p.bad)
        if p.bad and not f: n=0
        if "seq" in w:
            if n!=len(w["seq"]): 
                if not(closed and 0<n<len(w["seq"]) and f[-1]==400): why.append("%d answers, want %d"%(n,len(w["seq"])))
                elif not all(okst(x,y+[400]) for x,y in zip(f,w["seq"])): why.append("status")
            elif not all(okst(x,y) for x,y in zip(f,w["seq"])): why.append("status %s"%f[:5])
        if "status" in w:
            if n==0:
                if not(w.get("silent") and closed) : why.append("closed without answer" if closed else "no answer in time (hang)")
            elif not okst(f[0],w["status"]): why.append("status %d"%f[0])
        if "max" in w and n>w["max"]:
            # a 400 for the rest, then close, is a refusal and no second request run
            if not(all(x in(400,413,431,501,505,408) for x in f[w["max"]:]) and closed): why.append("%d answers, at most %d: smuggled or not resynchronised"%(n,w["max"]))
        if "min" in w and n<w["min"]: why.append("%d answers, at least %d"%(n,w["min"]))
        if w.get("close") is True and not closed: why.append("connection left open")
        if w.get("close") is False and closed: why.append("closed")
        if "interim" in w and bool(p.interim)!=w["interim"]: why.append("100 %s"%("missing" if w["interim"] else "sent"))
        if "within" in w and (first is None or first>w["within"]): why.append("first answer/close after %s s"%(None if first is None else round(first,1)))
        for x in w.get("absent",[]):
            if base64.b64decode(x) in p.all: why.append("forbidden bytes in the answer")
        if p.bad: why.append(p.bad)
    return dict(id=case["id"],group=case["group"],got=got,pas=not why,why="; ".join(why),t=round(total,2))
def main():
    cases=[json.loads(l) for l in open(a.cases)]
    if a.only: cases=[c for c in cases if re.search(a.only,c["id"])]
    if a.skip_slow: cases=[c for c in cases if not c.get("slow")]
    if a.tls: cases=[c for c in cases if not any("half_close" in s for s in c.get("steps",[]))]  # no half-close in Python's ssl
    cases.sort(key=lambda c:not c.get("slow"))
    with cf.ThreadPoolExecutor(a.jobs) as ex: res=list(ex.map(run,cases))
    res.sort(key=lambda r:r["id"])
    for r in res:
        if a.v or not r["pas"]: print("%-4s %-28s %-30s %s"%("ok" if r["pas"] else "FAIL",r["id"],r["got"],r["why"]))
    if a.json: json.dump(res,open(a.json,"w"),indent=0)
    n=sum(r["pas"] for r in res); print("%d passed, %d failed"%(n,len(res)-n)); return 0 if n==len(res) else 1
if __name__=="__main__": sys.exit(main())
