"""Words for names. Ours, not the official plugin's: only their form is the same (lower case letters)."""

from __future__ import annotations

from typing import Final

_ADVERBS: Final = """
    barely boldly briefly brightly calmly carefully cheerfully clearly closely daily dearly deeply eagerly early easily
    evenly fairly finally firmly freely frankly fully gently gladly greatly happily hardly highly honestly hourly
    ideally jointly justly keenly kindly largely lately lightly loosely loudly loyally mainly merrily mildly mostly
    nearly neatly nightly openly partly plainly politely promptly proudly purely quickly quietly rarely readily really
    rightly safely seldom sharply shortly silently simply slightly slowly smoothly softly solely steadily strongly
    surely swiftly tenderly thickly tightly truly usually vastly warmly weekly widely wildly wisely yearly
    """
_ADJECTIVES: Final = """
    able active agile airy alert amber ample ancient apt arctic autumn azure balanced bold brave brief bright brisk
    bronze busy calm candid careful cheerful chief civil clean clear clever coastal cosmic crisp curious daring deep
    diligent distant dry eager early earnest easy elder elegant even exact expert fair famous fearless fine firm fond
    frank free fresh frosty full gentle giant glad golden good grand grateful green handy happy hardy hearty helpful
    honest humble inner ivory jolly joyful just keen kind large late lasting light lively local loyal lucid lucky lunar
    main mellow merry mild modest musical native neat new nimble noble northern novel open patient plain polite prime
    proud quick quiet rapid rare ready rich robust rosy round royal rural sacred safe sandy scarlet serene sharp shining
    silent silver simple sleek smart smooth snug social solar solid sound southern spry stable steady still strong
    subtle summer sunny sure swift tidy tranquil true trusty upbeat useful valid vast velvet verdant vital vivid warm
    wise witty worthy young zesty
    """
_ANIMALS: Final = """
    adder albatross alpaca ant antelope auk avocet badger barbel bat bear beaver bee beetle bison bittern blackbird boar
    bobcat bream buffalo bullfinch bunting buzzard camel carp cat chaffinch chamois cheetah chough cicada cod condor
    coot cormorant crab crane cricket crow cuckoo curlew deer dingo dipper dog dolphin donkey dormouse dove dragonfly
    duck eagle eel egret eider elk ermine falcon ferret finch firefly flamingo fox frog gannet gazelle gecko gibbon goat
    goldcrest goose grayling grebe grouse gull haddock hamster hare harrier hawk hedgehog heron herring hoopoe hornet
    horse ibex ibis iguana jackal jackdaw jaguar jay kestrel kingfisher kite koala lapwing lark lemming lemur lion
    lizard llama lobster lynx magpie mallard marmot marten merlin mole moorhen moose moth mouse mule newt nightjar
    nuthatch octopus oriole osprey otter owl ox oyster panda panther parrot partridge pelican penguin perch pheasant
    pigeon pike pipit plover polecat pony porpoise puffin puma quail rabbit raccoon raven redstart reindeer robin roe
    rook salmon sandpiper seal shearwater sheep shrew shrike siskin skua skylark sloth snail snipe sparrow squirrel stag
    starling stoat stork sturgeon swallow swan swift tapir teal tern thrush tiger toad tortoise trout turbot turtle
    viper vole wagtail walrus warbler wasp weasel whale wigeon wolf wombat woodcock woodpecker wren yak zebra
    """

ADVERBS: Final = tuple(_ADVERBS.split())
ADJECTIVES: Final = tuple(_ADJECTIVES.split())
ANIMALS: Final = tuple(_ANIMALS.split())
