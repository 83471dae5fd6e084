"""Lines that on-call engineers know by heart: by which words they are known, and what they mean.

The first rule that fits a line wins, so the more specific stands first: "exec: … no such file" is a command
and no data file. ``words`` are looked for in the lower-case line, which costs next to nothing; ``form`` is
looked at only where one of them stands.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from agents.investigator.analyzers.log_codes import LogCode
from agents.investigator.analyzers.log_levels import complains, within_path

LONGEST_LINE = 1_000
"""Characters of a line that are looked at; what is worth saying of a failure stands before them."""

_SHORT = 12


class Hint(StrEnum):
    """What a known log line points at, as the record of a crash keeps it."""

    REFUSED = "dependency_refused"
    UNREACHABLE = "dependency_unreachable"
    NAME_UNRESOLVED = "name_unresolved"
    TIMED_OUT = "dependency_timeout"
    LOST = "dependency_lost"
    CREDENTIALS = "credentials_rejected"
    CERTIFICATE = "certificate"
    FORBIDDEN = "forbidden"
    RATE_LIMITED = "rate_limited"
    DATABASE = "database"
    LEADER = "leader_lost"
    ENV_MISSING = "env_missing"
    COMMAND_MISSING = "command_missing"
    FILE_MISSING = "file_missing"
    MODULE_MISSING = "module_missing"
    PERMISSION = "permission_denied"
    PORT_TAKEN = "port_taken"
    MEMORY = "memory"
    DISK_FULL = "disk_full"
    FILES_OPEN = "too_many_open_files"
    WRONG_PLATFORM = "wrong_platform"
    BAD_FLAG = "bad_flag"
    PANIC = "panic"


OUTSIDE = frozenset(
    (
        Hint.REFUSED,
        Hint.UNREACHABLE,
        Hint.NAME_UNRESOLVED,
        Hint.TIMED_OUT,
        Hint.LOST,
        Hint.CREDENTIALS,
        Hint.CERTIFICATE,
        Hint.RATE_LIMITED,
        Hint.DATABASE,
    )
)
"""Hints that point at something other than the process itself."""


@dataclass(frozen=True, kw_only=True)
class Rule:
    """One kind of line: its condition, what it points at and means, and the words that show it."""

    code: LogCode
    hint: Hint
    means: str
    words: tuple[str, ...]
    form: re.Pattern[str] | None = None

    def start_in(self, line: str, low: str) -> int:
        """Where the telling words begin in the line, or -1. ``low`` is the line in lower case."""
        known = ((word, at) for word in self.words if (at := low.find(word)) >= 0)
        if self.form is None:
            return next((at for word, at in known if _stands_alone(low, word, at)), -1)
        found = self.form.search(line) if next(known, None) else None
        return found.start() if found else -1


def _stands_alone(low: str, word: str, at: int) -> bool:
    # FileNotFoundError ends in no ENOTFOUND; the name of an exception may have others before it.
    return at == 0 or len(word) > _SHORT or not low[at - 1].isalnum()


def _rule(code: LogCode, said: tuple[Hint, str], words: str, form: str = "") -> Rule:
    pattern = re.compile(form, re.IGNORECASE) if form else None
    return Rule(code=code, hint=said[0], means=said[1], words=tuple(words.split("|")), form=pattern)


_MIGRATION = (
    r"migrat\w{0,6}\b.{0,100}\b(fail\w*|errors?|dirty|could not|cannot|unable|abort\w*|pending)\b|"
    r"\b(fail\w*|error|could not|cannot|unable to)\b.{0,100}\bmigrat|pendingmigration|dirty database version|"
    r"flyway\w*exception|liquibaseexception"
)
_ENV = (
    r"(env(ironment)?( |_)?var(iable)?s?\b.*\b(not set|missing|required|undefined|not found|empty|unset))|"
    r"((missing|required|undefined)\b.*\benv(ironment)?\b)|KeyError: '[A-Z][A-Z0-9_]+'|"
    r"\b[A-Z][A-Z0-9]*_[A-Z0-9_]+ (is )?(not set|is required|must be set|is missing|is undefined)|"
    r"key not found: \"[A-Z][A-Z0-9_]+\"|could not resolve placeholder '[A-Z]\w*'"
)
_NAMES = (
    r"lookup [\w.-]+(?: on \S+)?:.*(no such host|timeout|misbehaving|failure)|no such host|getaddrinfo|"
    r"\bENOTFOUND|"
    r"eai_again|name or service not known|name resolution|unknownhost|could not resolve host|"
    r"could not translate host|nodename nor servname|no address associated|failed to lookup address|"
    r"name does not resolve|host not found"
)
_DB, _CERT = Hint.DATABASE, Hint.CERTIFICATE

RULES: tuple[Rule, ...] = (
    _rule(LogCode.LEADER_LOST, (Hint.LEADER, "it lost its leader election"),
          "leader election lost|leaderelection lost|lost leadership|lost leader|failed to renew lease|"
          "stopped leading|"
          "leadership lost"),
    _rule(LogCode.FORBIDDEN, (Hint.FORBIDDEN, "its service account lacks a right"), "is forbidden: user"),
    _rule(LogCode.DB_READ_ONLY, (_DB, "a database that it needs takes no writes"),
          "read-only transaction|readonly database|--read-only option|read only replica|super-read-only|"
          "notwritableprimary|read_only_transaction|read-only mode|is read only"),
    _rule(LogCode.DB_EXHAUSTED, (_DB, "a database that it needs has nothing left to give"),
          "too many connections|remaining connection slots|too many clients already|queuepool limit|"
          "connection is not available, request timed out|timeout exceeded when trying to connect|"
          "max number of clients reached|oom command not allowed|max_user_connections|pool timed out|"
          "waiting for a connection from the pool|could not obtain a connection from the pool|pool exhausted|"
          "timed out fetching a new connection|obtaining a connection from the pool|"
          "could not obtain a database connection"),
    _rule(LogCode.MIGRATION_FAILED, (_DB, "a database migration failed"),
          "migrat|dirty database|flyway|liquibase", _MIGRATION),
    _rule(LogCode.SCHEMA_MISSING, (_DB, "a database, table or column that it needs does not exist"),
          "does not exist|no such table|no such column|doesn't exist|unknown database|unknown column|"
          "invalid object name",
          r"(relation|database|column|table|role|schema) [\"'][^\"']+[\"'] does not exist|"
          r"no such (table|column):|"
          r"table '[^']+' doesn't exist|unknown (database|column) '|invalid object name '|"
          r"column [\w.]+ does not exist"),
    _rule(LogCode.CREDENTIALS, (Hint.CREDENTIALS, "a service it needs rejects its credentials"),
          "authentication failed|access denied for user|wrongpass|noauth|invalid credentials|"
          "login failed for user|"
          "no pg_hba.conf entry|invalid username or password|invalid api key|invalidaccesskeyid|"
          "incorrect api key|"
          "signaturedoesnotmatch|access_refused|authenticationfailed|saslauthenticationexception|"
          "invalid password"),
    _rule(LogCode.CERT_EXPIRED, (_CERT, "a TLS certificate has expired"),
          "certificate has expired|certificate expired|cert_has_expired|certificateexpiredexception|"
          "certificate is expired|"
          "sslv3 alert certificate expired|certificate_expired|notaftererror"),
    _rule(LogCode.CERT_AUTHORITY, (_CERT, "a TLS certificate is signed by nobody whom it trusts"),
          "signed by unknown authority|unable to get local issuer|self signed certificate|"
          "self-signed certificate|"
          "pkix path building failed|valid certification path|unable_to_verify_leaf_signature|unknownissuer|"
          "remotecertificatechainerrors|partialchain|unable_to_get_issuer|self_signed_cert"),
    _rule(LogCode.CERT_NAME, (_CERT, "a TLS certificate is for another host name"),
          "certificate is valid for|hostname mismatch|err_tls_cert_altname_invalid|"
          "does not match certificate's altnames|"
          "no subject alternative|remotecertificatenamemismatch|notvalidforname|certificate is not valid for|"
          "certificate name mismatch"),
    _rule(LogCode.CERT_REJECTED, (_CERT, "a TLS certificate is not accepted"),
          "x509:|certificate verify failed|sslhandshakeexception|tls: bad certificate|"
          "remote certificate is invalid|"
          "tls: failed to verify certificate"),
    _rule(LogCode.GPU_MEMORY, (Hint.MEMORY, "the memory of its GPU is used up"),
          "cuda out of memory|cuda error: out of memory|cuda_error_out_of_memory|hip out of memory|"
          "cudaerrormemoryallocation|torch.outofmemoryerror|cublas_status_alloc_failed"),
    _rule(LogCode.MEMORY, (Hint.MEMORY, "it ran out of memory"),
          "out of memory|outofmemory|cannot allocate memory|memoryerror|std::bad_alloc|nomemoryerror|"
          "memory allocation of",
          r"out ?of ?memory|cannot allocate memory|\bMemoryError\b|bad_alloc|NoMemoryError|"
          r"memory allocation of \d+ bytes failed"),
    _rule(LogCode.DISK_FULL, (Hint.DISK_FULL, "its disk is full"),
          "no space left on device|enospc|disk quota exceeded|not enough space on the disk|disk is full|"
          "disk usage exceeded"),
    _rule(LogCode.READ_ONLY_FS, (Hint.PERMISSION, "it writes to a file system that it may only read"),
          "read-only file system|erofs|readonly filesystem"),
    _rule(LogCode.FILES_OPEN, (Hint.FILES_OPEN, "it may open no more files"), "too many open files|emfile"),
    _rule(LogCode.EXEC_FORMAT, (Hint.WRONG_PLATFORM, "the binary is built for another platform"),
          "exec format error"),
    _rule(LogCode.PORT_IN_USE, (Hint.PORT_TAKEN, "its port is already taken"),
          "address already in use|eaddrinuse|was already in use|addrinuse|address in use"),
    _rule(LogCode.COMMAND_MISSING, (Hint.COMMAND_MISSING, "its command is not in the image"),
          "executable file not found|command not found|exec:", r"executable file not found|command not found|"
          r"exec: .*no such file"),
    _rule(LogCode.NAME_UNRESOLVED, (Hint.NAME_UNRESOLVED, "a host name does not resolve"),
          "lookup |no such host|getaddrinfo|enotfound|eai_again|name or service not known|"
          "name resolution|unknownhost|"
          "could not resolve host|could not translate host|nodename nor servname|no address associated|"
          "lookup address|"
          "name does not resolve|host not found", _NAMES),
    _rule(LogCode.REFUSED, (Hint.REFUSED, "something it needs refuses connections"),
          "connection refused|econnrefused|connectionrefused|connectexception: connection|nobrokersavailable|"
          "actively refused|refused. check that the hostname"),
    _rule(LogCode.UNREACHABLE, (Hint.UNREACHABLE, "something it needs cannot be reached"),
          "no route to host|network is unreachable|ehostunreach|enetunreach|host is unreachable"),
    _rule(LogCode.RATE_LIMITED, (Hint.RATE_LIMITED, "a service it needs limits its calls"),
          "too many requests|rate limit|ratelimit|rate_limit|throttlingexception|toomanyrequests|"
          "insufficient_quota|"
          "resource_exhausted|slow down|429",
          r"too many requests|rate.?limit(ed|error| exceeded| reached| has been)|throttlingexception|"
          r"toomanyrequests|"
          r"rate_limit_exceeded|insufficient_quota|resource_exhausted|slowdown: please|\b(status|code|"
          r"http)\W{1,9}429\b"),
    _rule(LogCode.UNAUTHORIZED, (Hint.CREDENTIALS, "a service it needs does not let it in"),
          "unauthorized|401|403 forbidden|status code 403",
          r"\b401:? unauthorized|unauthorized:|\b(status|code|http|returned)\W{1,9}(?:code\W{1,3})?40[13]\b|"
          r"unauthorized\W{1,3}401|"
          r"\b403:? forbidden|unauthenticated"),
    _rule(LogCode.TIMED_OUT, (Hint.TIMED_OUT, "something it needs does not answer in time"),
          "i/o timeout|timed out|etimedout|deadline exceeded|timeoutexception|readtimeout|"
          "connecttimeout|timeouterror|"
          "deadline_exceeded|timeout of |timeout expired|upstream request timeout|esockettimedout|"
          "request timeout"),
    _rule(LogCode.LOST, (Hint.LOST, "something it needs cut a connection off"),
          "connection reset|econnreset|closed the connection unexpectedly|"
          "connection closed unexpectedly|socket hang up|"
          "server has gone away|lost connection to|remote end closed connection|connectionreset|"
          "broken pipe|epipe"),
    _rule(LogCode.ENV_MISSING, (Hint.ENV_MISSING, "an environment variable is missing"),
          "env|keyerror|key not found|not set|is required|must be set|is missing|undefined|"
          "placeholder", _ENV),
    _rule(LogCode.MODULE_MISSING, (Hint.MODULE_MISSING, "a part of its program is not in the image"),
          "no module named|cannot find module|classnotfoundexception|noclassdeffounderror|"
          "cannot load such file|"
          "error while loading shared libraries|could not load file or assembly|err_module_not_found|"
          "could not find or load main class|class not found"),
    _rule(LogCode.PERMISSION, (Hint.PERMISSION, "it lacks permission"),
          "permission denied|eacces|operation not permitted|accessdeniedexception|eperm|access to the path"),
    _rule(LogCode.FILE_MISSING, (Hint.FILE_MISSING, "a file it needs is missing"),
          "no such file or directory|filenotfound|enoent|cannot find the file|nosuchfileexception|"
          "could not find a part of the path|could not find file"),
    _rule(LogCode.BAD_ARGUMENT, (Hint.BAD_FLAG, "it does not know one of its arguments"),
          "unknown flag|unknown option|unknown argument|flag provided but not defined|unrecognized argument|"
          "unknown shorthand flag|unexpected argument|unrecognized option|unrecognized vm option|bad option"),
    _rule(LogCode.EXCEPTION, (Hint.PANIC, "it crashed on its own fault"),
          "panic:|segmentation fault|sigsegv", r"^(?:\S+ )?panic:|segmentation fault|sigsegv"),
)  # fmt: skip


def rule_for(line: str) -> Rule | None:
    """The rule that this line falls under as a complaint, or None. Only its beginning is looked at."""
    text = line[:LONGEST_LINE]
    # First, for most lines of most logs say that all is well: to see that costs a tenth of the rules.
    if not complains(text):
        return None
    low = text.lower()
    hits = ((rule, rule.start_in(text, low)) for rule in RULES)
    return next((rule for rule, at in hits if at >= 0 and not within_path(text, at)), None)
