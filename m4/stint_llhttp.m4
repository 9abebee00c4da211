# STINT_LLHTTP: the HTTP parser. A library with a pkg-config file (Debian 13: libllhttp-dev), else C sources that are compiled into the build:
# those of Debian 12's package node-llhttp, where it is installed or where tools/deps unpacked it, or of --with-llhttp=DIR.
AC_DEFUN([STINT_LLHTTP], [
	AC_ARG_WITH([llhttp], [AS_HELP_STRING([--with-llhttp=DIR], [llhttp.c, api.c, http.c and llhttp.h to compile, instead of the library or those of node-llhttp])],
		[], [with_llhttp=auto])
	stint_llhttp= LLHTTP_DIR= LLHTTP_INCLUDE=
	AS_IF([test "x$with_llhttp" = xauto], [PKG_CHECK_MODULES([LLHTTP], [libllhttp], [stint_llhttp=library], [:])])
	AS_IF([test -z "$stint_llhttp"], [
		AC_MSG_CHECKING([for the C sources of llhttp])
		AS_IF([test "x$with_llhttp" = xauto], [stint_dirs="/usr/share/llhttp /usr/local/src/llhttp"], [stint_dirs=$with_llhttp])
		for stint_dir in $stint_dirs; do
			for stint_inc in "$stint_dir" "$stint_dir/../include/llhttp"; do
				AS_IF([test -z "$LLHTTP_DIR" && test -f "$stint_dir/llhttp.c" && test -f "$stint_dir/api.c" && test -f "$stint_dir/http.c" && test -f "$stint_inc/llhttp.h"],
					[LLHTTP_DIR=$stint_dir LLHTTP_INCLUDE=$stint_inc])
			done
		done
		AS_IF([test -z "$LLHTTP_DIR"], [AC_MSG_RESULT([no])
			AC_MSG_ERROR([llhttp was not found: neither libllhttp.pc nor llhttp.c, api.c, http.c and llhttp.h in: $stint_dirs. Run tools/deps, or give --with-llhttp=DIR])])
		AC_MSG_RESULT([$LLHTTP_DIR])
		stint_llhttp="sources in $LLHTTP_DIR"
		# The strict parser is a compile-time choice of these sources.
		LLHTTP_CFLAGS="-I$LLHTTP_INCLUDE -DLLHTTP_STRICT_MODE=1"
		LLHTTP_LIBS=
	])
	AC_SUBST([LLHTTP_DIR])
	AM_CONDITIONAL([LLHTTP_SOURCES], [test -n "$LLHTTP_DIR"])
])
