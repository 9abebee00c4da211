# What the compiler is told beyond CFLAGS, which stay the user's. Each macro fills variables that Makefile.am puts into AM_CFLAGS and AM_LDFLAGS.

# STINT_TRY_FLAG(VARIABLE, FLAG): appends FLAG where compiling and linking with it works without a word.
AC_DEFUN([STINT_TRY_FLAG], [
	AS_VAR_PUSHDEF([cache], [stint_cv_flag_$2])
	AC_CACHE_CHECK([whether $CC takes $2], [cache], [
		stint_save_CFLAGS=$CFLAGS
		CFLAGS="$CFLAGS $2 -Werror"
		AC_LINK_IFELSE([AC_LANG_PROGRAM([], [])], [AS_VAR_SET([cache], [yes])], [AS_VAR_SET([cache], [no])])
		CFLAGS=$stint_save_CFLAGS
	])
	AS_VAR_IF([cache], [yes], [AS_VAR_APPEND([$1], [" $2"])])
	AS_VAR_POPDEF([cache])
])

AC_DEFUN([STINT_WARNINGS], [
	AC_ARG_ENABLE([werror], [AS_HELP_STRING([--enable-werror], [warnings are errors: for those who work on Stint @<:@no@:>@])], [], [enable_werror=no])
	WARN_CFLAGS=
	m4_foreach_w([flag], [-Wall -Wextra -Wformat=2 -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wcast-qual -Wpointer-arith -Wundef -fno-common],
		[STINT_TRY_FLAG([WARN_CFLAGS], m4_quote(flag))])
	AS_IF([test "x$enable_werror" != xno], [AS_VAR_APPEND([WARN_CFLAGS], [" -Werror"])])
	AC_SUBST([WARN_CFLAGS])
])

AC_DEFUN([STINT_SANITIZERS], [
	AC_ARG_ENABLE([sanitizers],
		[AS_HELP_STRING([--enable-sanitizers@<:@=LIST@:>@], [build with sanitizers: address,undefined where no list is given, or for example thread @<:@no@:>@])],
		[], [enable_sanitizers=no])
	AS_IF([test "x$enable_sanitizers" = xyes], [enable_sanitizers=address,undefined])
	SANITIZE_CFLAGS=
	AS_IF([test "x$enable_sanitizers" != xno], [
		SANITIZE_CFLAGS="-fsanitize=$enable_sanitizers -fno-sanitize-recover=all -fno-omit-frame-pointer"
		AC_MSG_CHECKING([whether $CC links with $SANITIZE_CFLAGS])
		stint_save_CFLAGS=$CFLAGS
		CFLAGS="$CFLAGS $SANITIZE_CFLAGS"
		AC_LINK_IFELSE([AC_LANG_PROGRAM([], [])], [AC_MSG_RESULT([yes])],
			[AC_MSG_RESULT([no])
			AC_MSG_ERROR([--enable-sanitizers=$enable_sanitizers: $CC cannot build with these; address,undefined and thread are common])])
		CFLAGS=$stint_save_CFLAGS
	])
	AC_SUBST([SANITIZE_CFLAGS])
	AM_CONDITIONAL([ENABLE_SANITIZERS], [test "x$enable_sanitizers" != xno])
])

AC_DEFUN([STINT_COVERAGE], [
	AC_ARG_ENABLE([coverage], [AS_HELP_STRING([--enable-coverage], [count the lines that run; `make coverage' runs the tests and makes the report @<:@no@:>@])],
		[], [enable_coverage=no])
	COVERAGE_CPPFLAGS= COVERAGE_CFLAGS=
	AS_IF([test "x$enable_coverage" != xno], [
		# STINT_COVERAGE: a process that leaves by _exit() writes its counts first.
		COVERAGE_CPPFLAGS=-DSTINT_COVERAGE
		COVERAGE_CFLAGS="--coverage -fprofile-update=atomic"
		AS_IF([test "x$ac_env_CFLAGS_set" != xset], [CFLAGS="-g -O0"])
		AC_CHECK_PROGS([LCOV], [lcov])
		AC_CHECK_PROGS([GENHTML], [genhtml])
		AS_IF([test -z "$LCOV" || test -z "$GENHTML"], [AC_MSG_ERROR([--enable-coverage needs lcov and genhtml; install lcov])])
	])
	AC_SUBST([COVERAGE_CPPFLAGS])
	AC_SUBST([COVERAGE_CFLAGS])
	AM_CONDITIONAL([ENABLE_COVERAGE], [test "x$enable_coverage" != xno])
])

# After STINT_SANITIZERS: all objects are instrumented, the fuzz targets alone are linked with libFuzzer's main().
AC_DEFUN([STINT_FUZZERS], [
	AC_ARG_ENABLE([fuzzers], [AS_HELP_STRING([--enable-fuzzers], [link the fuzz targets with libFuzzer, for `make fuzz'; needs CC=clang, goes with --enable-sanitizers @<:@no@:>@])],
		[], [enable_fuzzers=no])
	FUZZ_LDFLAGS=
	AS_IF([test "x$enable_fuzzers" != xno], [
		AC_MSG_CHECKING([whether $CC links with -fsanitize=fuzzer])
		stint_save_CFLAGS=$CFLAGS
		CFLAGS="$CFLAGS -fsanitize=fuzzer"
		AC_LINK_IFELSE([AC_LANG_SOURCE([#include <stddef.h>
			#include <stdint.h>
			int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n) { return p && n > 100; }])], [AC_MSG_RESULT([yes])],
			[AC_MSG_RESULT([no])
			AC_MSG_ERROR([--enable-fuzzers needs CC=clang with its libFuzzer; install clang and libclang-rt-14-dev (or libclang-rt-dev)])])
		CFLAGS=$stint_save_CFLAGS
		AS_VAR_APPEND([SANITIZE_CFLAGS], [" -fsanitize=fuzzer-no-link"])
		FUZZ_LDFLAGS=-fsanitize=fuzzer
	])
	AC_SUBST([FUZZ_LDFLAGS])
	AM_CONDITIONAL([ENABLE_FUZZERS], [test "x$enable_fuzzers" != xno])
])

# After STINT_SANITIZERS and STINT_COVERAGE: they do not mix (_FORTIFY_SOURCE hides what a sanitizer should see, and needs optimization).
AC_DEFUN([STINT_HARDENING], [
	AC_ARG_ENABLE([hardening], [AS_HELP_STRING([--disable-hardening], [leave out the protections of the compiler and linker @<:@on, but off with sanitizers, coverage and fuzzers@:>@])],
		[], [enable_hardening=yes])
	AS_IF([test "x$enable_sanitizers" != xno || test "x$enable_coverage" != xno || test "x$enable_fuzzers" != xno], [enable_hardening=no])
	HARDEN_CPPFLAGS= HARDEN_CFLAGS= HARDEN_LDFLAGS=
	AS_IF([test "x$enable_hardening" != xno], [
		AC_MSG_CHECKING([whether CFLAGS optimize, so that _FORTIFY_SOURCE works])
		AC_COMPILE_IFELSE([AC_LANG_PROGRAM([@%:@ifndef __OPTIMIZE__
			@%:@error not optimized
			@%:@endif], [])],
			[AC_MSG_RESULT([yes])
			HARDEN_CPPFLAGS="-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3"], [AC_MSG_RESULT([no])])
		m4_foreach_w([flag], [-fstack-protector-strong -fstack-clash-protection -fcf-protection -fPIE], [STINT_TRY_FLAG([HARDEN_CFLAGS], m4_quote(flag))])
		m4_foreach([flag], [[-pie], [-Wl,-z,relro], [-Wl,-z,now], [-Wl,-z,noexecstack]], [STINT_TRY_FLAG([HARDEN_LDFLAGS], m4_quote(flag))])
	])
	AC_SUBST([HARDEN_CPPFLAGS])
	AC_SUBST([HARDEN_CFLAGS])
	AC_SUBST([HARDEN_LDFLAGS])
])
