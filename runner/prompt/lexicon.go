package prompt

import "strings"

// lexicon holds common English words: with a space before it each is one token in
// the vocabularies of today's models. The first one leads every text.
var lexicon = strings.Fields(`
text
able about above accept account across action active actual address admit adult advance advice affect afford after again age agency
agent agree ahead air alive allow almost alone along already also although always amount ancient animal announce annual answer appear
apply approach area argue arm army around arrive art article artist aside ask assume attack attempt attend audience author
available avoid award away baby back bad bag balance ball bank base basic battle beat beautiful become bed before begin
behavior behind believe benefit best better between beyond big bill bird birth black block blood blue board boat body book
border born both bottom box boy branch break bridge brief bright bring broad brother brown budget build burn business busy
buy cable call camera camp cancer capital captain car card care carry case cash cast castle catch cause cell center
central century certain chain chair challenge chance change chapter character charge cheap check chest chief child choice choose church circle
citizen city civil claim class clean clear climate clock close cloud club coast code coffee cold collect college color come
command comment common community company compare concern condition conference congress consider contain content contest continue contract control cook cool copy
corner cost cotton could council count country couple course court cover create credit crew crime crisis critical cross crowd culture
cup current customer cut daily damage dance danger dark data date daughter day dead deal death debate decade decide decision
deep defense degree demand depend depth describe desert design desire detail develop device dialog diet differ digital dinner direct direction
director discover discuss disease display distance district divide doctor document dog door double doubt down draft dream dress drink drive drop
drug dry due during dust duty each early earn earth east easy eat economic edge editor education effect effort eight
either elect element else email empire employ empty end enemy energy engine enjoy enough enter entire entry equal error escape
essay estate even evening event ever every evidence exact example except exchange exist expect expert explain express extend extra eye
face fact factor fail fair faith fall family famous farm fast father favor fear feature federal feed feel female few
field fifth fight figure file fill film final finance find fine finger finish fire firm first fish five flag flat
flight floor flow fly focus follow food foot force foreign forest forget form former forward found four frame free french
fresh friend front fruit fuel full fund funny future gain game garden gas gate gather general gentle german get giant
gift girl give glad glass global goal gold good govern grade grand grant grass great green ground group grow growth
guard guess guest guide gun guy habit hair half hall hand happen happy hard hat hate have head health hear
heart heat heavy height help hero hide high hill history hit hold hole home honor hope horse hospital host hot
hotel hour house huge human hundred hunt husband ice idea image impact improve include income increase indeed index indicate industry
infant inform initial injury inner inside instead interest internal into invest island issue item itself jacket job join joint journal journey
judge jump jury just justice keep key kick kid kill kind king kitchen knee knife knock know labor lack lady
lake land language large last late laugh launch law lawyer lay lead leader leaf league learn least leather leave left
legal lesson letter level library life lift light limit line link lip list listen little live load loan local lock
logic long look lose loss lot loud love low luck lunch machine magazine mail main major make male manage manner
many map march mark market marry mass master match material matter maybe mayor meal mean measure meat media medical meet
member memory mental mention menu merge metal method middle might mile military milk million mind mine minister minor minute mirror miss
mission mix model modern moment money month moon moral morning most mother motion motor mount mountain mouse mouth move movie much
museum music must myself name narrow nation native nature near neck need network never new news next nice night nine
noise none normal north nose note nothing notice novel number nurse object obtain obvious occur ocean odd off offer office
officer often oil old once one only onto open opera opinion option orange order organ origin other outside oven over
`)
