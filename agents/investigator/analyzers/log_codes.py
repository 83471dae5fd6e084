"""The conditions that a log tells of, in the words of the runtimes that on-call engineers meet.

What a log says is text from a stranger: each of these is information, which a cause may be joined from and
never a symptom by itself.
"""

from __future__ import annotations

from agents.investigator.analyzers.coded import Coded

_READ = "the last 500 lines of the container's log, of this run or of the one that died"


class LogCode(Coded):
    """What a log says by itself."""

    ERROR_LINES = (
        "log.error_lines",
        "The log of a container that does not crash holds lines that speak of errors.",
        _READ,
    )
    NEW_ERROR = (
        "log.new_error",
        "A kind of error line that the log did not hold before appeared about when the alert started.",
        _READ + ", with the time of each line",
    )
    ERRORS_ROSE = (
        "log.errors_rose",
        "A container logs error lines at least three times as often since the trouble began as before.",
        _READ + ", with the time of each line",
    )
    REFUSED = ("log.connection_refused", "A log says that another party refuses connections.", _READ)
    UNREACHABLE = ("log.unreachable", "A log says that there is no way to another party's network.", _READ)
    TIMED_OUT = ("log.timeout", "A log says that another party does not answer in time.", _READ)
    LOST = ("log.connection_lost", "A log says that another party cut a connection off.", _READ)
    NAME_UNRESOLVED = ("log.name_unresolved", "A log says that a host name does not resolve.", _READ)
    CERT_EXPIRED = ("log.certificate_expired", "A log says that a TLS certificate has expired.", _READ)
    CERT_AUTHORITY = (
        "log.certificate_unknown_authority",
        "A log says that a TLS certificate is signed by nobody whom the container trusts.",
        _READ,
    )
    CERT_NAME = (
        "log.certificate_name_mismatch",
        "A log says that a TLS certificate is for another host name.",
        _READ,
    )
    CERT_REJECTED = (
        "log.certificate_rejected",
        "A log says that a TLS certificate is not accepted, and not why.",
        _READ,
    )
    CREDENTIALS = (
        "log.credentials_rejected",
        "A log says that another party refuses the credentials.",
        _READ,
    )
    UNAUTHORIZED = ("log.unauthorized", "A log says that a call was answered with HTTP 401 or 403.", _READ)
    FORBIDDEN = ("log.forbidden", "A log says that the API server forbids an account what it asks.", _READ)
    RATE_LIMITED = ("log.rate_limited", "A log says that another party limits how often it is called.", _READ)
    DB_EXHAUSTED = (
        "log.database_exhausted",
        "A log says that a database, or the pool before it, has no connection or no room left.",
        _READ,
    )
    DB_READ_ONLY = ("log.database_read_only", "A log says that a database takes no writes.", _READ)
    SCHEMA_MISSING = (
        "log.schema_missing",
        "A log says that a database, table or column that the container asks for does not exist.",
        _READ,
    )
    MIGRATION_FAILED = ("log.migration_failed", "A log says that a database migration failed.", _READ)
    LEADER_LOST = ("log.leader_lost", "A log says that the container lost its leader election.", _READ)
    PERMISSION = ("log.permission_denied", "A log says that the system denies the process an access.", _READ)
    READ_ONLY_FS = ("log.read_only_filesystem", "A log says that a file system cannot be written.", _READ)
    DISK_FULL = ("log.disk_full", "A log says that a disk or a quota of it is full.", _READ)
    FILES_OPEN = ("log.too_many_open_files", "A log says that the process may open no more files.", _READ)
    PORT_IN_USE = ("log.port_in_use", "A log says that the port to listen on is taken.", _READ)
    ENV_MISSING = ("log.env_missing", "A log says that an environment variable is missing.", _READ)
    FILE_MISSING = ("log.file_missing", "A log says that a file is missing.", _READ)
    MODULE_MISSING = (
        "log.module_missing",
        "A log says that a module, class or shared library is not in the image.",
        _READ,
    )
    COMMAND_MISSING = ("log.command_missing", "A log says that a command is not in the image.", _READ)
    EXEC_FORMAT = ("log.exec_format", "A log says that a binary is built for another platform.", _READ)
    BAD_ARGUMENT = ("log.bad_argument", "A log says that the process does not know an argument.", _READ)
    MEMORY = (
        "log.out_of_memory",
        "A log says that the runtime (JVM, Node.js, Python, Go, .NET, …) found no memory.",
        _READ,
    )
    GPU_MEMORY = ("log.gpu_out_of_memory", "A log says that the memory of a GPU is used up.", _READ)
    EXCEPTION = (
        "log.exception",
        "A log holds a panic or an exception, with the first frame of the program's own code.",
        _READ,
    )
