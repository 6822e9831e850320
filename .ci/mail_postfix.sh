#!/usr/bin/env bash
# Runs postfix and the test that talks to it, within a mount namespace: see mail.sh.
set -euo pipefail
mount --make-rprivate /
work=$(mktemp -d)
mount -t tmpfs tmpfs "$work"
mkdir -p "$work"/{etc,etc-work,var,var-work,usr-work}
mount -t overlay overlay -o "lowerdir=/etc,upperdir=$work/etc,workdir=$work/etc-work" /etc
mount -t overlay overlay -o "lowerdir=$SCRATCH/pf/root/usr:/usr" /usr
mount -t overlay overlay -o "lowerdir=/var,upperdir=$work/var,workdir=$work/var-work" /var
mount -t tmpfs tmpfs /run
echo 'postfix:x:9911:9911::/var/spool/postfix:/usr/sbin/nologin' >> /etc/passwd
printf 'postfix:x:9911:\npostdrop:x:9912:\n' >> /etc/group
mkdir -p /etc/postfix /var/lib/postfix /var/spool/postfix/pid /var/spool/vmail
cp -a "$SCRATCH/pf/root/etc/postfix/." /etc/postfix/ 2>/dev/null || true
cp "$SCRATCH/pf/root/usr/share/postfix/master.cf.dist" /etc/postfix/master.cf
cp "$SCRATCH/pf/cert.pem" "$SCRATCH/pf/key.pem" /etc/postfix/
port=23925
sed -i "s/^smtp      inet .*/127.0.0.1:$port inet n - n - - smtpd/" /etc/postfix/master.cf
sed -i 's/\(^[a-z].* \(unix\|inet\|fifo\) *[-yn] *[-yn] *\)y /\1n /' /etc/postfix/master.cf
cat > /etc/postfix/main.cf <<'C'
compatibility_level = 3.6
queue_directory = /var/spool/postfix
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
data_directory = /var/lib/postfix
mail_owner = postfix
setgid_group = postdrop
inet_interfaces = loopback-only
inet_protocols = ipv4
myhostname = localhost
mydestination =
virtual_mailbox_domains = example.net
virtual_mailbox_base = /var/spool/vmail
virtual_mailbox_maps = inline:{ ok@example.net=ok/, grey@example.net=grey/, big@example.net=big/ }
virtual_uid_maps = static:9911
virtual_gid_maps = static:9911
message_size_limit = 200000
smtpd_tls_security_level = encrypt
smtpd_tls_cert_file = /etc/postfix/cert.pem
smtpd_tls_key_file = /etc/postfix/key.pem
smtpd_recipient_restrictions = check_recipient_access inline:{ {grey@example.net=451 4.7.1 greylisted} }, reject_unauth_destination
maillog_file = /var/log/postfix.log
alias_maps =
C
chown root:root /etc/postfix/main.cf
chown 9911:9911 /var/spool/vmail /var/lib/postfix
export PATH=/usr/sbin:/usr/bin:/bin:/sbin
postfix check || true
postfix start-fg > "$SCRATCH/postfix.log" 2>&1 &
for _ in $(seq 100); do (exec 3<> /dev/tcp/127.0.0.1/$port) 2>/dev/null && break; sleep 0.1; done
status=0
AKIN_TEST_SMTP=127.0.0.1:$port AKIN_TEST_SMTP_KIND=postfix "$SCRATCH/post.test" -test.run TestForeignServer -test.v || status=$?
sleep 1
echo "postfix delivered $(find /var/spool/vmail -type f | wc -l) mails"
postfix stop >/dev/null 2>&1 || true
wait || true
if [ "$status" != 0 ]; then cat "$SCRATCH/postfix.log" /var/log/postfix.log >&2; fi
exit "$status"
